"""The state of everything at one moment, read in a handful of round trips."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from barback import control
from barback.board.texts import Later, ngettext
from barback.board.texts import gettext as _
from barback.i18n import formats
from barback.monitoring.queues import QueueStatus, queue_statuses
from barback.monitoring.workers import MAX_SILENCE_SECONDS, WorkerStatus, list_workers
from barback.printable import printable

if TYPE_CHECKING:
    from barback.broker import RedisBroker
    from barback.control import MessageStatus, PausedQueue
    from barback.metrics import History, Timeline

#: The rate that is shown is that of the last so many minutes.
RATE_MINUTES = 5

#: A wait is worth a warning when it is longer than this, in seconds, …
LONG_WAIT_SECONDS = 30.0

#: … and so many times as long as is usual.
LONG_WAIT_FACTOR = 10.0

#: How often history is read anew, in seconds: as often as workers write it.
HISTORY_SECONDS = 10.0


@dataclass(frozen=True)
class QueueRow:
    """A queue on the overview.

    Parameters:
      status: Its state.
      pause: Why it is paused, if it is.
      busy: How many threads run a message of it.
      rate: How many attempts ended in a second, over the last minutes.
      failed: How many of them failed in the last hour.
      usual_wait_seconds: The median of the waits in the last hour, or None.
      per_minute: How many attempts ended in each minute of the last hour.
    """

    status: QueueStatus
    pause: PausedQueue | None
    busy: int
    rate: float
    failed: int
    usual_wait_seconds: float | None
    per_minute: list[int]

    @property
    def name(self) -> str:
        return self.status.name

    @property
    def taken(self) -> int:
        """How many messages workers have taken ahead and do not run yet, as far as is known."""
        return max(0, self.status.running - self.busy)


@dataclass(frozen=True)
class WorkerRow:
    """A worker on the board.

    Parameters:
      status: What it has told.
      busy: How many of its threads run a message.
    """

    status: WorkerStatus
    busy: int

    @property
    def silence_seconds(self) -> float:
        return min(self.status.silence_seconds.values())

    @property
    def state(self) -> str:
        """``live``; ``hurt``: it has lost threads; ``stuck`` on some of its queues; ``silent``."""
        if not self.status.is_live:
            return "silent"
        if self.status.lost_threads:
            return "hurt"
        worst = max(self.status.silence_seconds.values())
        return "stuck" if worst > MAX_SILENCE_SECONDS else "live"


@dataclass(frozen=True)
class Snapshot:
    """What the overview shows.

    Parameters:
      taken_at: When, as a Unix time in seconds.
      queues: The queues, by name.
      workers: The workers.
      running: The messages that run, the longest first.
      warnings: What somebody should look at, in words.
    """

    taken_at: float
    queues: list[QueueRow]
    workers: list[WorkerRow]
    running: list[MessageStatus]
    warnings: list[Later]

    def queue(self, name: str) -> QueueRow | None:
        return next((row for row in self.queues if row.name == name), None)


class SnapshotTaker:
    """Takes snapshots.

    Parameters:
      broker: Of which broker.
      history: What its workers have counted.
    """

    def __init__(self, broker: RedisBroker, history: History) -> None:
        self._broker = broker
        self._history = history
        self._timeline: Timeline | None = None
        self._timeline_until = 0.0

    def take(self) -> Snapshot:
        """Look at everything.

        Raises:
          redis.RedisError: When the server cannot be asked.
        """
        workers = list_workers(self._broker)
        running = control.list_running(self._broker, workers)
        pauses = control.paused(self._broker)
        timeline = self._last_hour()
        busy_queues = Counter(status.queue_name for status in running)
        queues = [
            _queue_row(status, pauses.get(status.name), busy_queues[status.name], timeline)
            for status in queue_statuses(self._broker, workers)
        ]
        busy = Counter(status.worker for status in running)
        rows = [WorkerRow(worker, busy[worker.name]) for worker in workers]
        warnings = [*queue_warnings(queues), *worker_warnings(rows)]
        return Snapshot(time.time(), queues, rows, running, warnings)

    def _last_hour(self) -> Timeline:
        if self._timeline is None or time.monotonic() >= self._timeline_until:
            self._timeline = self._history.timeline("hour")
            self._timeline_until = time.monotonic() + HISTORY_SECONDS
        return self._timeline


def _queue_row(
    status: QueueStatus, pause: PausedQueue | None, busy: int, timeline: Timeline
) -> QueueRow:
    counts = timeline.per_period(timeline.chosen(status.name))
    total = timeline.total(timeline.chosen(status.name))
    recent = counts[-RATE_MINUTES:]
    covered_seconds = timeline.ended_at - timeline.periods[-len(recent)]
    return QueueRow(
        status=status,
        pause=pause,
        busy=busy,
        rate=sum(each.ran for each in recent) / max(1.0, covered_seconds),
        failed=total.failed,
        usual_wait_seconds=total.wait_seconds(0.5),
        per_minute=[each.ran for each in counts],
    )


def queue_warnings(queues: list[QueueRow]) -> list[Later]:
    """What is wrong with queues, in words."""
    warnings = []
    for row in queues:
        if row.pause is not None:
            warnings.append(Later(partial(_paused, row)))
        elif row.status.ready and not row.status.workers:
            warnings.append(Later(partial(_unserved, row)))
        elif _waits_long(row):
            warnings.append(Later(partial(_late, row)))
    return warnings


def _paused(row: QueueRow) -> str:
    name, count = printable(row.name), formats.number(row.status.ready)
    if row.pause is None or not row.pause.reason:
        return _("%(queue)s is paused. %(count)s wait.", queue=name, count=count)
    return _(
        "%(queue)s is paused: %(reason)s. %(count)s wait.",
        queue=name,
        reason=printable(row.pause.reason),
        count=count,
    )


def _unserved(row: QueueRow) -> str:
    count = formats.number(row.status.ready)
    return _(
        "%(queue)s: %(count)s wait and no worker serves it.", queue=printable(row.name), count=count
    )


def _late(row: QueueRow) -> str:
    name, oldest = printable(row.name), formats.duration(row.status.oldest_seconds or 0)
    if row.usual_wait_seconds is None:
        return _("%(queue)s: the oldest waits %(oldest)s.", queue=name, oldest=oldest)
    return _(
        "%(queue)s: the oldest waits %(oldest)s, usually %(usual)s.",
        queue=name,
        oldest=oldest,
        usual=formats.duration(row.usual_wait_seconds),
    )


def _waits_long(row: QueueRow) -> bool:
    oldest = row.status.oldest_seconds
    if oldest is None or oldest < LONG_WAIT_SECONDS:
        return False
    return oldest > LONG_WAIT_FACTOR * (row.usual_wait_seconds or 0.0)


def worker_warnings(workers: list[WorkerRow]) -> list[Later]:
    """What is wrong with workers, in words."""
    says = {"silent": _silent, "hurt": _hurt}
    return [Later(partial(says[row.state], row)) for row in workers if row.state in says]


def _silent(row: WorkerRow) -> str:
    return _(
        "The worker %(worker)s has been silent for %(duration)s.",
        worker=printable(row.status.name),
        duration=formats.duration(row.silence_seconds),
    )


def _hurt(row: WorkerRow) -> str:
    return ngettext(
        "The worker %(worker)s has lost %(count)s thread: restart it.",
        "The worker %(worker)s has lost %(count)s threads: restart it.",
        row.status.lost_threads,
        worker=printable(row.status.name),
        count=row.status.lost_threads,
    )
