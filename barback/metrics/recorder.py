"""Counts in a worker's memory."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback.metrics.buckets import BOUNDS_SECONDS
from barback.metrics.counts import (
    DEAD,
    DONE,
    FAILED,
    RUN_BUCKETS,
    RUN_US,
    SKIPPED,
    WAIT_BUCKETS,
    WAIT_US,
    Series,
    empty_row,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq import MessageProxy

#: Under this name is counted what is sent to actors that the worker does not know: whoever can
#: send a message must not be able to fill Redis with names.
UNKNOWN_ACTOR = "(unknown)"


@dataclass(frozen=True)
class RunningMessage:
    """A message that a thread works on.

    Parameters:
      message: The message.
      seconds: For how long, up to now.
    """

    message: MessageProxy
    seconds: float


class _Thread:
    """What one thread has counted. No other thread writes there, so that nothing is locked."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], list[int]] = {}
        self.message: MessageProxy | None = None
        self.started_at = 0.0


#: A longer wait is counted as this one, in seconds: Redis adds up to 2^63 microseconds.
MAX_WAIT_SECONDS = 366 * 86_400


class Recorder(threading.local):
    """Counts what the threads of this process work on.

    Rows only grow. Whoever reads them while threads count misses what comes in that moment, and
    finds it the next time.

    Parameters:
      threads: Where each thread leaves its counts.
      knows_actor: Tells whether an actor is declared here.
    """

    def __init__(self, threads: list[_Thread], knows_actor: Callable[[str], bool]) -> None:
        # Run anew in each thread that touches this object.
        self._thread = _Thread()
        self._threads = threads
        self._knows_actor = knows_actor
        threads.append(self._thread)

    def start(self, message: MessageProxy) -> None:
        thread = self._thread
        thread.message = message
        thread.started_at = time.perf_counter()

    def finish(self, message: MessageProxy, *, has_failed: bool) -> None:
        thread = self._thread
        run_seconds = time.perf_counter() - thread.started_at
        thread.message = None
        row = thread.rows.get((message.queue_name, message.actor_name)) or self._row(message)
        row[FAILED if has_failed else DONE] += 1
        row[RUN_US] += int(run_seconds * 1_000_000)
        row[RUN_BUCKETS + bisect_left(BOUNDS_SECONDS, run_seconds)] += 1
        if "retries" not in message.options:  # else the wait is mostly the backoff
            sent_at = message.message_timestamp / 1000  # by the producer, who may say anything
            wait_seconds = min(time.time() - run_seconds - sent_at, MAX_WAIT_SECONDS)
            if wait_seconds > 0:  # the producer's clock may be ahead
                row[WAIT_US] += int(wait_seconds * 1_000_000)
            row[WAIT_BUCKETS + bisect_left(BOUNDS_SECONDS, wait_seconds)] += 1

    def skip(self, message: MessageProxy) -> None:
        self._thread.message = None
        self._row(message)[SKIPPED] += 1

    def bury(self, message: MessageProxy) -> None:
        self._row(message)[DEAD] += 1

    def rows(self) -> dict[Series, list[int]]:
        """Everything that was counted since this process began."""
        sums: dict[Series, list[int]] = {}
        for thread in self._threads.copy():
            for (queue_name, actor_name), row in thread.rows.copy().items():
                series = Series(queue_name, actor_name)
                known = sums.get(series)
                sums[series] = row.copy() if known is None else list(map(int.__add__, known, row))
        return sums

    def running(self) -> list[RunningMessage]:
        """What the threads work on now."""
        now = time.perf_counter()
        threads = ((thread.message, thread.started_at) for thread in self._threads.copy())
        return [
            RunningMessage(message, now - started_at)
            for message, started_at in threads
            if message is not None
        ]

    def _row(self, message: MessageProxy) -> list[int]:
        known = self._knows_actor(message.actor_name)
        actor_name = message.actor_name if known else UNKNOWN_ACTOR
        return self._thread.rows.setdefault((message.queue_name, actor_name), empty_row())


def new_recorder(knows_actor: Callable[[str], bool]) -> Recorder:
    return Recorder([], knows_actor)
