"""Counts in a worker's memory."""

from __future__ import annotations

import threading
import time
from array import array
from bisect import bisect_left
from collections import Counter
from itertools import repeat
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from dramatiq.middleware import Middleware

from barback.control.running import Cancelled, was_cancelled
from barback.metrics.buckets import BOUNDS_SECONDS
from barback.metrics.counts import (
    DEAD,
    DONE,
    FAILED,
    RETRIED,
    RUN_BUCKETS,
    RUN_US,
    SKIPPED,
    WAIT_BUCKETS,
    WAIT_US,
    Series,
    empty_row,
)

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    import dramatiq
    from dramatiq import MessageProxy

_Numbers = TypeVar("_Numbers", "list[None]", "array[float]")

#: Under this name is counted what is sent to actors that the worker does not know: whoever can
#: send a message must not be able to fill Redis with names.
UNKNOWN_ACTOR = "(unknown)"

#: A longer wait is counted as this one, in seconds: Redis adds up to 2^63 microseconds.
MAX_WAIT_SECONDS = 366 * 86_400


class _Notes:
    """What threads have noted of one series and nobody has counted yet.

    A thread adds a number to an array in one step, so that nothing is locked, and leaves no object
    behind. They are counted all together later on, mostly in C.
    """

    __slots__ = ("dead", "done", "failed", "queue_name", "retried", "skipped", "waits")

    def __init__(self, queue_name: str) -> None:
        self.queue_name = queue_name
        #: For how long attempts ran, in seconds.
        self.done = array("d")
        self.failed = array("d")
        #: When first attempts started, by the monotonic clock, less when they were sent, by the
        #: clock of whoever sent them; in milliseconds.
        self.waits = array("d")
        self.retried: list[None] = []
        self.skipped: list[None] = []
        self.dead: list[None] = []


class Recorder(Middleware):
    """Counts what the threads of this process work on, from :meth:`begin` on.

    Whoever reads rows while threads count misses what comes in that moment, and finds it the next
    time.
    """

    def __init__(self) -> None:
        self._actors: Container[str] | None = None
        self._notes: dict[Series, _Notes] = {}
        #: The same, by the actor alone, which is quicker to look up: an actor has one queue, but a
        #: message can be on another.
        self._by_actor: dict[str, _Notes] = {}
        self._rows: dict[Series, list[int]] = {}
        self._lock = threading.Lock()

    def begin(self, actors: Container[str]) -> None:
        """Count from now on.

        Parameters:
          actors: The names of the actors that are declared here.
        """
        self._actors = actors

    # Every message pays for what is done here: no call more than it takes.
    def after_process_message(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is Dramatiq's
        message: MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002
        exception: BaseException | None = None,
    ) -> None:
        ended_at = time.monotonic()
        notes = self._by_actor.get(message.actor_name)
        if notes is None or notes.queue_name != message.queue_name:
            notes = self._notes_of(message)
            if notes is None:
                return
        started_at = message.started_at
        if exception is None:
            notes.done.append(ended_at - started_at)
        elif isinstance(exception, Cancelled):  # that is no failure
            notes.skipped.append(None)
            return
        else:
            notes.failed.append(ended_at - started_at)
        if "retries" in message.options:  # its wait is mostly the backoff
            notes.retried.append(None)
            return
        try:
            notes.waits.append(started_at * 1000 - message.message_timestamp)
        except OverflowError:  # whoever sent it has written a number of any length there
            notes.waits.append(0.0)

    def after_skip_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:  # noqa: ARG002
        notes = self._notes_of(message)
        if notes is not None:
            notes.skipped.append(None)

    def after_nack(self, broker: dramatiq.Broker, message: MessageProxy) -> None:  # noqa: ARG002
        notes = self._notes_of(message)
        if notes is not None and not was_cancelled(message):
            notes.dead.append(None)

    def rows(self) -> dict[Series, list[int]]:
        """Everything that was counted since this process began. Rows only grow."""
        with self._lock:
            for series, notes in list(self._notes.items()):
                _count(notes, self._rows.setdefault(series, empty_row()))
            return {series: row.copy() for series, row in self._rows.items()}

    def _notes_of(self, message: MessageProxy) -> _Notes | None:
        """None as long as nothing is to be counted."""
        if self._actors is None:
            return None
        is_known = message.actor_name in self._actors
        series = Series(message.queue_name, message.actor_name if is_known else UNKNOWN_ACTOR)
        notes = self._notes.setdefault(series, _Notes(message.queue_name))
        if is_known:
            self._by_actor[message.actor_name] = notes
        return notes


def _count(notes: _Notes, row: list[int]) -> None:
    done, failed = _taken(notes.done), _taken(notes.failed)
    row[DONE] += len(done)
    row[FAILED] += len(failed)
    row[RETRIED] += len(_taken(notes.retried))
    row[SKIPPED] += len(_taken(notes.skipped))
    row[DEAD] += len(_taken(notes.dead))
    runs = done + failed
    row[RUN_US] += int(sum(runs) * 1_000_000)
    _add_to_buckets(row, RUN_BUCKETS, BOUNDS_SECONDS, runs)
    _count_waits(row, _taken(notes.waits))


def _count_waits(row: list[int], noted: array[float]) -> None:
    if not noted:
        return
    offset_ms = (time.time() - time.monotonic()) * 1000
    # The clock of a producer may be ahead, and a message can bring any number.
    least, most = -offset_ms, MAX_WAIT_SECONDS * 1000 - offset_ms
    if not (least <= min(noted) and max(noted) <= most and isfinite(sum(noted))):
        noted = array("d", (min(max(least, each), most) for each in noted))
    row[WAIT_US] += int((sum(noted) + offset_ms * len(noted)) * 1000)
    # Rather than each wait, the few bounds are brought into the terms of what was noted.
    bounds = [1000 * bound - offset_ms for bound in BOUNDS_SECONDS]
    _add_to_buckets(row, WAIT_BUCKETS, bounds, noted)


def _add_to_buckets(
    row: list[int], first: int, bounds: Sequence[float], values: array[float]
) -> None:
    for bucket, count in Counter(map(bisect_left, repeat(bounds), values)).items():
        row[first + bucket] += count


def _taken(noted: _Numbers) -> _Numbers:
    """Take what has been noted, while others go on adding to the end of it."""
    taken = noted[:]
    del noted[: len(taken)]
    return taken
