"""Queues and workers as the board shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback.monitoring.workers import MAX_SILENCE_SECONDS

if TYPE_CHECKING:
    from barback.board.retries import Retrying
    from barback.control import PausedQueue
    from barback.monitoring.queues import QueueStatus
    from barback.monitoring.workers import WorkerStatus


@dataclass(frozen=True)
class QueueRow:
    """A queue on the overview.

    Parameters:
      status: Its state.
      pause: Why it is paused, if it is.
      busy: How many threads run a message of it.
      rate: How many attempts ended in a second, over the last minutes.
      rate_in: How many messages came in a second, over the last minutes, or None.
      retrying: How many of the delayed ones wait for their next attempt.
      failed: How many of them failed in the last hour.
      usual_wait_seconds: The median of the waits in the last hour, or None.
      per_minute: How many attempts ended in each minute of the last hour.
    """

    status: QueueStatus
    pause: PausedQueue | None
    busy: int
    rate: float
    rate_in: float | None
    retrying: Retrying
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
