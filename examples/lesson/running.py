"""Real orders, on a server and with workers of their own."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from barback import RedisBroker
from barback.embedded import EmbeddedServer
from barback.monitoring.workers import live_queues
from lesson_rounds import QUEUES, are_served, open_round, read_round

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lesson_rounds import LessonQueue, Slip

#: How long it takes to serve each drink of the bar, in seconds.
USUAL_SECONDS = {"beer": 3.0, "coffee": 0.2}

#: How long workers may take to start, and how much longer than the drinks take all may last, in
#: seconds.
PATIENCE_SECONDS = 60.0

_POLL_SECONDS = 0.1


class LessonError(Exception):
    """Not all orders were served."""


def drink_seconds(scale: float) -> dict[str, float]:
    """How long each drink takes, with a share of the usual time."""
    return {drink: round(seconds * scale, 6) for drink, seconds in USUAL_SECONDS.items()}


@contextlib.contextmanager
def bar(directory: Path, *, scale: float, log: Path) -> Iterator[RedisBroker]:
    """The broker of a bar in a directory, which a worker for each queue of the lesson serves.

    Parameters:
      scale: Which share of the usual time drinks take.
      log: Where the workers' output goes.

    Raises: EmbeddedServerError, or LessonError when the workers do not start.
    """
    server = EmbeddedServer(directory)
    # For the workers, and for this process's own actors: settings are read when these are imported.
    os.environ["REDIS_URL"] = server.ensure()
    os.environ["BARBACK_DATA_DIR"] = str(directory)
    for drink, seconds in drink_seconds(scale).items():
        os.environ[f"{drink.upper()}_SECONDS"] = str(seconds)
    try:
        with contextlib.closing(RedisBroker(url=server.url)) as broker, _workers(log) as workers:
            _wait_until(lambda: QUEUES.keys() <= live_queues(broker), PATIENCE_SECONDS, workers)
            yield broker
    finally:
        server.stop()


def serve(
    broker: RedisBroker, queues: Sequence[LessonQueue], *, each: int, scale: float
) -> list[Slip]:
    """Order so many of each drink on some queues, and wait until all are served.

    Raises: LessonError.
    """
    from actors.lesson import messages_of_round  # noqa: PLC0415 - see bar()

    round_id = secrets.token_hex(16)
    open_round(broker.client, round_id, each=each)
    broker.enqueue_many(messages_of_round(round_id, queues, each=each))

    def slips() -> list[Slip]:
        found = read_round(broker.client, round_id)
        return [] if found is None else found.at(queues)

    drinks_seconds = each * sum(drink_seconds(scale).values())
    _wait_until(lambda: are_served(slips()), drinks_seconds + PATIENCE_SECONDS)
    return slips()


@contextlib.contextmanager
def _workers(log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A worker per queue, stopped in the end as any worker is."""
    with log.open("wb") as output:
        workers = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "dramatiq", "actors", "-Q", queue.name),
                    *("--processes", "1", "--threads", str(queue.threads)),
                ],
                stdout=output,
                stderr=output,
            )
            for queue in QUEUES.values()
        ]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            for worker in workers:
                worker.wait()


def _wait_until(
    condition: Callable[[], bool],
    seconds: float,
    workers: Sequence[subprocess.Popen[bytes]] = (),
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if any(worker.poll() is not None for worker in workers):
            raise LessonError("A worker has ended.")
        if time.monotonic() > deadline:
            raise LessonError(f"Not all was done within {seconds:.0f} s.")
        time.sleep(_POLL_SECONDS)
