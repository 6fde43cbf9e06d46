"""What every test may use.

Nothing here touches the checkout's own server or one that the environment names: this process
works on a StubBroker, and servers and programs that tests start get their settings from the
fixtures below.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dramatiq
import hypothesis
import pytest
from dramatiq.middleware import CurrentMessage
from dramatiq.results import Results
from dramatiq.results.backends import StubBackend

from barback.connection.server import each_server
from barback.connection.url import client_for
from barback.control.stub import StubBroker
from barback.embedded import EmbeddedServer
from barback.periodic import Periodic
from examples.cluster.cluster import running_cluster
from tests.support import ports
from tests.support.pages import count_blocks
from tests.support.postgres import new_database, running_postgres
from tests.support.processes import ProcessStarter
from tests.support.sentinel import running_sentinels

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import redis

    from tests.support.processes import TestProcess

PROJECT_DIR = Path(__file__).resolve().parent.parent

#: Work that is done at once. Tests that need other times set them for their processes.
_FAST_WORK = {"BEER_SECONDS": "0.01", "COFFEE_SECONDS": "0.01", "REPORT_DAY_SECONDS": "0"}


#: How long a server of several may be silent before another one takes its place, in milliseconds:
#: longer than it is on a busy machine. Tests of just that have servers of their own.
_PATIENCE_MS = 30_000

_OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


def _use_stub_broker() -> None:
    """Set the broker that the actors are declared on, before anything imports them."""
    broker = StubBroker()
    broker.add_middleware(CurrentMessage())
    broker.add_middleware(Periodic())
    broker.add_middleware(Results(backend=StubBackend()))
    broker.emit_after("process_boot")
    dramatiq.set_broker(broker)


os.environ.pop("REDIS_URL", None)
os.environ.pop("BARBACK_DATA_DIR", None)
os.environ.update(_FAST_WORK)
# The tests start hundreds of programs: Python is to keep what it has compiled for them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
_use_stub_broker()
ports.take_ports_of_our_own()

# How quick an example is depends on what else the machine does.
hypothesis.settings.register_profile("bar", deadline=None, max_examples=50)
hypothesis.settings.load_profile("bar")

# A shell that runs the tests in the background has them ignore SIGINT, and so would every program
# that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def project_dir() -> Path:
    return PROJECT_DIR


@pytest.fixture(scope="session")
def session_dir() -> Iterator[Path]:
    """A directory with a short path, as Unix sockets want it."""
    with tempfile.TemporaryDirectory(prefix="bar-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def embedded_server(session_dir: Path) -> Iterator[EmbeddedServer]:
    """One Valkey for the whole test session. Most tests want :func:`redis_url` instead."""
    server = EmbeddedServer(session_dir / "server")
    server.ensure()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of three primaries, each with a replica. Tests want :func:`redis_url` instead."""
    directory = tmp_path_factory.mktemp("cluster") / "servers"
    with running_cluster(directory, silence_ms=_PATIENCE_MS) as cluster:
        yield cluster.url


@pytest.fixture(scope="session")
def sentinel_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a primary and its replicas. Tests want :func:`redis_url` instead."""
    directory = tmp_path_factory.mktemp("sentinel") / "servers"
    with running_sentinels(directory, silence_ms=_PATIENCE_MS) as watched:
        yield watched.url


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> str:
    """Where a test runs: on a single server, unless it is marked with `everywhere`."""
    return str(getattr(request, "param", "single"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked so on several servers as well, slowly, as starting them takes time."""
    marked = metafunc.definition.get_closest_marker
    if "servers" in metafunc.fixturenames and marked("everywhere") and not marked("one_server"):
        several = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("cluster", "sentinel")]
        metafunc.parametrize("servers", ["single", *several], indirect=True)


@pytest.fixture
def redis_url(servers: str, request: pytest.FixtureRequest) -> str:
    """The URL of running, empty servers: the embedded Valkey or, to run the tests on another
    Redis, what REDIS_URL_FOR_TESTS says. That one is emptied, too!
    """
    if servers != "single":
        url = str(request.getfixturevalue(f"{servers}_url"))
    elif (url := os.environ.get("REDIS_URL_FOR_TESTS", "")) == "":
        url = request.getfixturevalue("embedded_server").ensure()
    empty(url)
    return url


def empty(url: str) -> None:
    """Take away whatever tests before have left on servers, workers that seem to live included."""
    with contextlib.closing(client_for(url, {})) as client:
        for server in each_server(client):
            _forget_workers(server)
            server.flushall()


def _forget_workers(client: redis.Redis) -> None:
    """End the connections of workers that died behind a black hole: what they wait for inside
    Redis would take the first message of the next test.
    """
    for connection in client.client_list():
        if connection["name"].startswith("barback:"):
            client.client_kill_filter(_id=connection["id"])


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    with contextlib.closing(client_for(redis_url, {"decode_responses": True})) as client:
        yield client


@pytest.fixture(scope="session")
def postgres_server(session_dir: Path) -> Iterator[str]:
    """The URL of a running PostgreSQL. Tests want :func:`postgres_url` instead."""
    with running_postgres(session_dir / "postgres") as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of a new and empty PostgreSQL database."""
    return new_database(postgres_server)


@pytest.fixture
def environment(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of programs that work on the test session's Valkey."""
    return program_environment(REDIS_URL=redis_url, BARBACK_DATA_DIR=str(tmp_path / "data"))


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[ProcessStarter]:
    """Start programs of the project; whatever still runs at the end of the test is ended.

    ``start(["dramatiq", "actors", "-Q", "beer"], BEER_SECONDS="0.5")``
    """
    with ProcessStarter(cwd=PROJECT_DIR, env=environment, output_dir=tmp_path) as starter:
        yield starter


@pytest.fixture
def free_port() -> int:
    """A loopback port that nothing listens on."""
    return ports.free_port()


@pytest.fixture
def start_worker(start: ProcessStarter) -> Callable[..., TestProcess]:
    """Start a small worker of some queues, or of all, and wait until it is ready."""

    def start_worker(*queues: str, **variables: str) -> TestProcess:
        chosen = ["-Q", *queues] if queues else []
        worker = start(
            ["dramatiq", "actors", "--processes", "1", "--threads", "2", *chosen], **variables
        )
        worker.wait_for_output("Worker process is ready for action.")
        return worker

    return start_worker


@pytest.fixture
def stub_broker() -> Iterator[StubBroker]:
    """The broker that the actors are declared on, with empty queues."""
    broker = dramatiq.get_broker()
    assert isinstance(broker, StubBroker)
    broker.flush_all()
    yield broker
    broker.flush_all()


@pytest.fixture
def stub_worker(stub_broker: StubBroker) -> Iterator[dramatiq.Worker]:
    """A worker of all queues, in threads of this process."""
    worker = dramatiq.Worker(stub_broker, worker_timeout=100, worker_threads=2)
    worker.start()
    yield worker
    worker.stop()


def program_environment(**variables: Any) -> dict[str, str]:
    """The environment of this process, with this Python's programs first on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # A make that is run by another one, as these tests are, has more to say.
    inherited = {name: text for name, text in os.environ.items() if name not in _OF_MAKE}
    return {**inherited, "PATH": path, "PYTHONUNBUFFERED": "1", **variables}


def pytest_report_header() -> str:
    total, not_run = count_blocks()
    return f"documentation: {total} blocks of code, {not_run} of which are not run"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, fail what is skipped: everything that a test needs is installed there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though nothing may be in CI: {report.longrepr}"
    return report
