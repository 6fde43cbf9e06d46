"""How many messages come into each queue, reckoned from what is counted anyway."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback.metrics.counts import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barback.metrics import Timeline
    from barback.monitoring.queues import QueueStatus

#: How far back the rate goes, in seconds.
WINDOW_SECONDS = 300.0

#: How long somebody has to have looked before there is a rate, in seconds. Workers write what has
#: ended every 10 s, so over less time the rate would jump.
LEAST_SECONDS = 30.0


@dataclass(frozen=True)
class _Look:
    """What queues held at a moment, and what had ended in the minute that was under way."""

    taken_at: float
    period: int
    held: dict[str, int]
    ended: dict[str, int]


class Inflow:
    """Reckons rates: what a queue holds more than a while ago, and what has ended since, has come
    in. That costs no message anything, and Redis nothing beyond what the board reads anyway.
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()

    def rates(self, statuses: Sequence[QueueStatus], timeline: Timeline) -> dict[str, float | None]:
        """How many messages a second have come into each queue over the last minutes in which
        somebody has looked; None where that cannot be told: somebody has just begun to look, or
        a queue has workers and none of the fleet counts.

        Parameters:
          statuses: The queues.
          timeline: What workers have counted, read at the same time.
        """
        now, period = timeline.ended_at, timeline.periods[-1]
        self._forget_before(now - WINDOW_SECONDS)
        self._looks.append(
            _Look(
                now,
                period,
                {each.name: each.unfinished for each in statuses},
                {each.name: _ended_since(timeline, each.name, period) for each in statuses},
            )
        )
        return {each.name: self._rate(each, timeline) for each in statuses}

    def _forget_before(self, since: float) -> None:
        """Forget what is older, but one look, from which the window begins."""
        looks = self._looks
        while len(looks) > 1 and looks[1].taken_at <= since:
            looks.popleft()
        if looks and looks[0].taken_at < since - WINDOW_SECONDS:  # nobody has looked for long
            looks.popleft()

    def _rate(self, status: QueueStatus, timeline: Timeline) -> float | None:
        first, name = self._looks[0], status.name
        seconds = timeline.ended_at - first.taken_at
        if seconds < LEAST_SECONDS or (status.workers and not timeline.rows):
            return None
        grown = status.unfinished - first.held.get(name, 0)
        ended = _ended_since(timeline, name, first.period) - first.ended.get(name, 0)
        return max(0, grown + ended) / seconds


def _ended_since(timeline: Timeline, queue_name: str, period: int) -> int:
    """How many messages have ended for good, from the beginning of a period on."""
    rows = (
        row
        for series in timeline.chosen(queue_name)
        for start, row in zip(timeline.periods, timeline.rows[series], strict=True)
        if start >= period
    )
    counts = Counts.sum(rows)
    return counts.done + counts.dead
