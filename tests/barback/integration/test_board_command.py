"""`python -m barback board` and `python -m barback metrics`."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from typing import TYPE_CHECKING

import dramatiq
import httpx
import pytest
from click.testing import CliRunner

from barback import RedisBroker
from barback.cli import main
from tests.support.polling import eventually
from tests.support.processes import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.support.processes import ProcessStarter

BOARD = [sys.executable, "-m", "barback", "board"]


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/healthz", timeout=10).status_code == 200
    return False


def test_the_board_is_open_on_loopback_and_leaves_when_it_is_told_to(
    start: ProcessStarter, free_port: int
) -> None:
    process = start([*BOARD, "--port", str(free_port)])
    process.wait_for_output(f"The board: http://127.0.0.1:{free_port}")
    url = f"http://127.0.0.1:{free_port}"
    eventually(
        lambda: _answers(url), timeout_seconds=DEADLINE_SECONDS, complaint=lambda: process.output
    )

    assert httpx.get(url, timeout=10).status_code == 200
    # An open page holds nothing up.
    with socket.create_connection(("127.0.0.1", free_port), timeout=20) as page:
        page.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with page.makefile() as lines:
            assert any(line.startswith("event: news") for line in lines)
            assert process.stop() == 0
    assert process.output.splitlines() == [f"The board: {url}"]


def test_silent_connections_do_not_fill_the_log_of_the_board(
    start: ProcessStarter, free_port: int
) -> None:
    # Given a board that may open few files
    few_files = ["sh", "-c", 'ulimit -n 80 && exec "$@"', "sh"]
    process = start([*few_files, *BOARD, "--port", str(free_port)])
    url = f"http://127.0.0.1:{free_port}"
    eventually(
        lambda: _answers(url), timeout_seconds=DEADLINE_SECONDS, complaint=lambda: process.output
    )
    # When many more clients connect and say nothing
    with contextlib.ExitStack() as stack:
        for _ in range(90):
            stack.enter_context(socket.create_connection(("127.0.0.1", free_port), timeout=10))
        process.wait_for_output("Connections cannot be accepted")
    # Expect it to serve others as soon as they are gone, and to have said it once
    eventually(
        lambda: _answers(url), timeout_seconds=DEADLINE_SECONDS, complaint=lambda: process.output
    )
    assert process.output.count("cannot be accepted") == 1
    assert "Traceback" not in process.output


def test_audit_lines_are_logged_as_json(
    start: ProcessStarter, free_port: int, redis_url: str
) -> None:
    broker = RedisBroker(url=redis_url)
    broker.enqueue(dramatiq.Message("beer", "pour", (), {}, {}))
    broker.close()
    process = start([*BOARD, "--port", str(free_port)], LOG_FORMAT="json")
    url = f"http://127.0.0.1:{free_port}"
    eventually(
        lambda: _answers(url), timeout_seconds=DEADLINE_SECONDS, complaint=lambda: process.output
    )

    httpx.post(f"{url}/queues/beer/purge", timeout=10)

    line = eventually(lambda: [each for each in process.stderr.splitlines() if "audit" in each])[0]
    assert json.loads(line)["message"] == "who=this machine action=purge queue=beer count=1"


@pytest.fixture
def refused(redis_url: str) -> Callable[..., Result]:
    """The command, with options with which it never begins to serve."""

    def refused(*options: str, url: str = redis_url) -> Result:
        run = CliRunner().invoke(main, ["--redis-url", url, "board", *options])
        assert isinstance(run.exception, SystemExit), run.exception
        return run

    return refused


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.2"])  # noqa: S104 - the other is refused, too
def test_a_board_under_another_name_does_not_start_without_a_token(
    refused: Callable[..., Result], host: str
) -> None:
    run = refused("--host", host)

    assert run.exit_code == 2
    assert "Set BARBACK_BOARD_TOKEN" in run.output


@pytest.mark.parametrize(
    ("options", "exit_code", "text"),
    [
        (["--token", "short"], 2, "at least 16 characters"),
        (["--port", "0"], 2, "--port"),
        (["--trace-url", "traces.example"], 2, "an http address with {trace_id} in it"),
        (["--schedules", "no_such_module:rows"], 2, "No module named 'no_such_module'"),
        (["--schedules", "json:rows"], 2, "expected MODULE:NAME"),
        (["--schedules", "json"], 2, "expected MODULE:NAME of a function"),
        (["--host", "no.such.host.invalid", "--token", "drawn-not-typed-1"], 1, "cannot listen on"),
    ],
)
def test_what_cannot_be_is_one_line(
    refused: Callable[..., Result], options: list[str], exit_code: int, text: str
) -> None:
    run = refused(*options)

    assert run.exit_code == exit_code
    assert text in run.output


def test_a_taken_port_is_named_with_another_one(refused: Callable[..., Result]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        run = refused("--port", str(port))

    assert run.exit_code == 1
    assert f"--port {port + 1}" in run.output


def test_without_a_server_the_board_says_so(refused: Callable[..., Result], free_port: int) -> None:
    run = refused("--port", str(free_port), url=f"redis://127.0.0.1:{free_port}/0")

    assert run.exit_code == 3
    assert "The server cannot be reached" in run.output


def test_metrics_prints_what_prometheus_reads(start: ProcessStarter, redis_url: str) -> None:
    broker = RedisBroker(url=redis_url)
    broker.enqueue(dramatiq.Message("beer", "pour", (), {}, {}))
    broker.close()

    run = start.run([sys.executable, "-m", "barback", "metrics"])

    assert run.exit_code == 0
    assert 'barback_queue_waiting{queue="beer"} 1.0' in run.stdout
