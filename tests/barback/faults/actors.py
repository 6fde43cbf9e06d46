"""What workers do in fault tests: each job writes down that it started, and that it took effect.

``dramatiq tests.barback.faults.actors`` runs it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import dramatiq

from barback import RedisBroker
from barback.control import Control, check_cancelled, progress
from tests.barback.faults.options import LIMITED, PACED, UNIQUE

#: How long a job waits to be let go, in seconds. A test lets it go long before.
PATIENCE_SECONDS = 60.0

broker = RedisBroker(
    url=os.environ["FAULTS_REDIS_URL"],
    heartbeat_timeout=int(os.environ.get("FAULTS_HEARTBEAT_TIMEOUT_MS", "60000")),
)
broker.add_middleware(Control(remember_seconds=60))
dramatiq.set_broker(broker)

# A line that is appended by one write() is in the file whole, whatever becomes of this process.
_ledger = os.open(os.environ["FAULTS_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(event: str, job_id: str) -> None:
    os.write(_ledger, f"{event} {job_id} {os.getpid()} {time.monotonic()}\n".encode())


@dramatiq.actor(queue_name="jobs")
def job(job_id: str, *, hold: str | None = None, effect_first: bool = False) -> None:
    """Take effect; where told to, not before, or not end before, a file exists."""
    note("start", job_id)
    if effect_first:
        note("effect", job_id)
    if hold is not None:
        wait_for_file(Path(hold))
    if not effect_first:
        note("effect", job_id)


def wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)


@dramatiq.actor(queue_name="jobs", min_backoff=50, max_backoff=200, max_retries=20)
def fail_at_first(job_id: str) -> None:
    """Take effect on the second try."""
    note("start", job_id)
    message = dramatiq.middleware.CurrentMessage.get_current_message()
    if message is not None and not message.options.get("retries"):
        raise RuntimeError("the first try fails")
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs", **UNIQUE)
def unique_job(job_id: str, hold: str) -> None:
    note("start", job_id)
    wait_for_file(Path(hold))
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs", **LIMITED)
def limited_job(job_id: str, seconds: float) -> None:
    note("start", job_id)
    time.sleep(seconds)
    note("effect", job_id)


def lone_job(job_id: str, hold: str, seconds: float) -> None:
    """The work of the actors in :mod:`tests.barback.faults.two_queues`."""
    note("start", job_id)
    wait_for_file(Path(hold))
    time.sleep(seconds)
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs", **PACED)
def paced_job(job_id: str) -> None:
    note("start", job_id)
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs", max_age=30_000)
def late_job(job_id: str) -> None:
    """It runs only if it is less than half a minute old."""
    note("start", job_id)


@dramatiq.actor(queue_name="jobs")
def patient_job(job_id: str) -> None:
    """Work until it is cancelled."""
    note("start", job_id)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        check_cancelled()
        time.sleep(0.01)
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs")
def reporting_job(job_id: str, *, hold: str) -> None:
    note("start", job_id)
    progress(1, 2, "waiting")
    wait_for_file(Path(hold))
    progress(2, 2, "through")
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs")
def forking_job(job_id: str, hold: str) -> None:
    """Have a forked process do the work, as a pool of processes does."""
    child = multiprocessing.get_context("fork").Process(target=wait_for_file, args=(Path(hold),))
    child.start()
    note("start", job_id)
    child.join()
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs")
def pooling_job(job_id: str) -> None:
    """Have pools of processes do the work, which are ended by a signal each time."""
    note("start", job_id)
    for _ in range(10):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(abs, range(10))
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs", max_retries=1, min_backoff=1, max_backoff=1)
def fork_that_comes_back(job_id: str, hold: str, way: str) -> None:
    """Fork a process that leaves the actor, and wait for it."""
    note("start", job_id)
    wait_for_file(Path(hold))
    pid = os.fork()
    if pid == 0:
        if way == "exit":
            sys.exit(7)
        if way == "error":
            raise RuntimeError("the fork fails")
        return
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == {"return": 0, "exit": 7, "error": 1}[way]
    note("effect", job_id)


@dramatiq.actor(queue_name="jobs")
def kill_the_worker(job_id: str) -> None:
    note("start", job_id)
    os.kill(os.getpid(), signal.SIGKILL)


broker.add_middleware(dramatiq.middleware.CurrentMessage())
