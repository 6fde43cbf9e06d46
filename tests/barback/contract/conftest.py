"""One contract for two brokers: Dramatiq's own for Redis, and ours.

Each test runs against both, and ours once more on a cluster and on servers that Sentinels watch.
What stock Dramatiq cannot do is marked ``stock_fails(reason)`` and has to fail there: when a
release of Dramatiq mends it, the suite says so. Waiting for what does not come takes time, and so
does starting servers: all but ours on a single server is slow. `make slow` and CI run it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker as StockRedisBroker
from dramatiq.middleware import CurrentMessage, default_middleware

from barback import RedisBroker
from barback.connection.server import each_server
from barback.connection.url import client_for
from tests.conftest import empty
from tests.support import polling

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import redis

_STOCK = pytest.param("stock", marks=pytest.mark.slow)
_CLUSTER = pytest.param("cluster", marks=pytest.mark.slow)
_SENTINEL = pytest.param("sentinel", marks=pytest.mark.slow)

#: For what stock does by chance: such a test could not be expected to fail on it.
OURS = pytest.mark.parametrize("kind", ["barback", _CLUSTER, _SENTINEL], indirect=True)

#: For what is about one server.
ONE_SERVER = pytest.mark.parametrize("kind", [_STOCK, "barback"], indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "stock_fails(reason): what stock Dramatiq cannot do; it is expected to fail"
    )


class BrokerMaker(Protocol):
    def __call__(self, **parameters: Any) -> Any: ...


class WorkerStarter(Protocol):
    def __call__(self, broker: dramatiq.Broker, **parameters: Any) -> dramatiq.Worker: ...


#: How long what stock cannot do is waited for, in seconds.
_PATIENCE_WITH_STOCK_SECONDS = 10.0


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Say in a word that stock failed, as it is expected to: pytest would show where, for which it
    parses the source. Workers that are still at work log tracebacks meanwhile, which Python 3.11
    parses source for as well; in two threads at once, that can end the whole run.
    """
    try:
        return (yield)
    except Exception:
        fails = pyfuncitem.get_closest_marker("stock_fails")
        if fails is None or pyfuncitem.callspec.params.get("kind") != "stock":
            raise
        raise pytest.xfail.Exception(fails.args[0], pytrace=False) from None


@pytest.fixture(params=[_STOCK, "barback", _CLUSTER, _SENTINEL])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which broker is under test, and where: stock, or ours on a single server, or on several."""
    fails = request.node.get_closest_marker("stock_fails")
    if fails is not None and request.param == "stock":
        request.applymarker(pytest.mark.xfail(strict=True, reason=fails.args[0]))
        monkeypatch.setattr(polling, "PATIENCE_SECONDS", _PATIENCE_WITH_STOCK_SECONDS)
    return str(request.param)


@pytest.fixture
def redis_url(kind: str, redis_url: str, request: pytest.FixtureRequest) -> str:
    """The URL of running, empty servers."""
    if kind in {"stock", "barback"}:
        return redis_url
    url = str(request.getfixturevalue(f"{kind}_url"))
    empty(url)
    return url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    with contextlib.closing(client_for(redis_url, {"decode_responses": True})) as client:
        yield client


@pytest.fixture
def make_broker(kind: str, redis_url: str) -> Iterator[BrokerMaker]:
    """Make a broker of the kind under test, with Dramatiq's default middleware."""
    broker_class = StockRedisBroker if kind == "stock" else RedisBroker
    with contextlib.ExitStack() as stack:
        yield _broker_maker(broker_class, redis_url, stack)


def _broker_maker(
    broker_class: type[Any], redis_url: str, stack: contextlib.ExitStack
) -> BrokerMaker:
    def make_broker(**parameters: Any) -> Any:
        if "client" not in parameters:
            parameters.setdefault("url", redis_url)
        middleware = [each() for each in default_middleware]
        broker = broker_class(middleware=[*middleware, CurrentMessage()], **parameters)
        stack.callback(broker.close)
        stack.callback(broker.client.close)
        broker.emit_after("process_boot")
        return broker

    return make_broker


@pytest.fixture
def broker(make_broker: BrokerMaker) -> Any:
    """A broker of the kind under test."""
    return make_broker()


@pytest.fixture
def start_worker() -> Iterator[WorkerStarter]:
    """Start a worker in threads of this process; it is stopped at the end of the test."""
    with contextlib.ExitStack() as stack:

        def start_worker(broker: dramatiq.Broker, **parameters: Any) -> dramatiq.Worker:
            options = {"worker_timeout": 30, "worker_threads": 2, **parameters}
            worker = dramatiq.Worker(broker, **options)
            worker.start()
            stack.callback(worker.stop, timeout=10_000)
            return worker

        yield start_worker


@pytest.fixture
def full_server(redis_client: redis.Redis) -> Iterator[FullServer]:
    server = FullServer(redis_client)
    yield server
    server.make_room()


class FullServer:
    """The server of the test, which can be made to have no memory left."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def fill(self) -> None:
        self._set_limit(1)

    def make_room(self) -> None:
        self._set_limit(0)

    def _set_limit(self, max_bytes: int) -> None:
        for server in each_server(self._client):
            server.config_set("maxmemory", max_bytes)
