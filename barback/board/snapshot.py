"""The state of everything at one moment, read in a handful of round trips."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback import control
from barback.board.attention import queue_warnings, worker_warnings
from barback.board.inflow import Inflow
from barback.board.retries import Retrying, count_retrying
from barback.board.rows import QueueRow, WorkerRow
from barback.monitoring.queues import queue_statuses
from barback.monitoring.workers import list_workers

if TYPE_CHECKING:
    from barback.board.texts import Later
    from barback.broker import RedisBroker
    from barback.control import MessageStatus, PausedQueue
    from barback.metrics import History, Timeline
    from barback.monitoring.queues import QueueStatus

#: The rate that is shown is that of the last so many minutes.
RATE_MINUTES = 5

#: How often history is read anew, in seconds: as often as workers write it.
HISTORY_SECONDS = 10.0


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
        self._inflow = Inflow()
        self._rates_in: dict[str, float | None] = {}

    def take(self) -> Snapshot:
        """Look at everything.

        Raises:
          redis.RedisError: When the server cannot be asked.
        """
        workers = list_workers(self._broker)
        running = control.list_running(self._broker, workers)
        pauses = control.paused(self._broker)
        statuses = queue_statuses(self._broker, workers)
        timeline = self._last_hour(statuses)
        retrying = count_retrying(self._broker.store, {it.name: it.delayed for it in statuses})
        busy_queues = Counter(status.queue_name for status in running)
        queues = [
            _queue_row(
                status,
                timeline,
                pause=pauses.get(status.name),
                busy=busy_queues[status.name],
                rate_in=self._rates_in.get(status.name),
                retrying=retrying.get(status.name, Retrying()),
            )
            for status in statuses
        ]
        busy = Counter(status.worker for status in running)
        rows = [WorkerRow(worker, busy[worker.name]) for worker in workers]
        warnings = [*queue_warnings(queues), *worker_warnings(rows)]
        return Snapshot(time.time(), queues, rows, running, warnings)

    def _last_hour(self, statuses: list[QueueStatus]) -> Timeline:
        if self._timeline is None or time.monotonic() >= self._timeline_until:
            self._timeline = self._history.timeline("hour")
            self._rates_in = self._inflow.rates(statuses, self._timeline)
            self._timeline_until = time.monotonic() + HISTORY_SECONDS
        return self._timeline


def _queue_row(
    status: QueueStatus,
    timeline: Timeline,
    *,
    pause: PausedQueue | None,
    busy: int,
    rate_in: float | None,
    retrying: Retrying,
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
        rate_in=rate_in,
        retrying=retrying,
        failed=total.failed,
        usual_wait_seconds=total.wait_seconds(0.5),
        per_minute=[each.ran for each in counts],
    )
