"""Reads what workers have counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barback.metrics.counts import Counts, Series, row_of
from barback.metrics.tiers import HOURS, MINUTES, TEN_MINUTES, MetricsKeys, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from barback.store.store import HasStore

#: How many hashes are read in one round trip.
BATCH_SIZE = 500


@dataclass(frozen=True)
class Span:
    """How far back to look, and how finely.

    Parameters:
      name: What people call it.
      seconds: How far back.
      tier: Which periods.
    """

    name: str
    seconds: int
    tier: Tier


#: The spans that history is kept for, the shortest first.
SPANS = {
    "hour": Span("hour", 3600, MINUTES),
    "day": Span("day", 86_400, TEN_MINUTES),
    "week": Span("week", 7 * 86_400, HOURS),
}


@dataclass(frozen=True)
class Timeline:
    """What was counted in each period of a span.

    Parameters:
      span: The span.
      periods: When each period began, as Unix times in seconds, the last one being under way.
      rows: For each series a row of numbers for each period.
      ended_at: When this was read, as a Unix time by the server's clock.
    """

    span: Span
    periods: Sequence[int]
    rows: dict[Series, list[list[int]]]
    ended_at: float

    def chosen(self, queue_name: str | None = None, actor_name: str | None = None) -> list[Series]:
        """The series of a queue, an actor, or all."""
        return [
            series
            for series in self.rows
            if queue_name in (None, series.queue_name) and actor_name in (None, series.actor_name)
        ]

    def per_period(self, chosen: Iterable[Series]) -> list[Counts]:
        """The counts of some series together, period by period."""
        columns = zip(*(self.rows[series] for series in chosen), strict=True)
        return [Counts.sum(rows) for rows in columns] or [Counts() for _ in self.periods]

    def total(self, chosen: Iterable[Series]) -> Counts:
        """The counts of some series over the whole span."""
        return Counts.sum(row for series in chosen for row in self.rows[series])

    def rate(self, chosen: Iterable[Series]) -> float:
        """How many attempts ended in a second, on the average of the span."""
        covered_seconds = self.ended_at - self.periods[0]
        return self.total(chosen).ran / covered_seconds if covered_seconds > 0 else 0.0


@dataclass(frozen=True)
class Deployment:
    """A new version.

    Parameters:
      version: What the program has told its broker.
      at: When a worker of it started first, as a Unix time in seconds by the server's clock.
    """

    version: str
    at: float


class History:
    """What workers with :class:`barback.metrics.Metrics` have counted.

    Periods that are over are remembered and not read again.

    Parameters:
      broker: The broker.
    """

    def __init__(self, broker: HasStore) -> None:
        self._store = broker.store
        self._keys = MetricsKeys(broker.store.namespace, broker.store.on_cluster)
        self._remembered: dict[tuple[str, Series, int], list[int]] = {}

    def series(self) -> list[Series]:
        """Everything that was counted in the last 90 days."""
        names: Any = self._store.client.zrange(self._keys.series, 0, -1)
        parts = (name.decode(errors="replace").partition(":") for name in names)
        return sorted(Series(queue_name, actor_name) for queue_name, _, actor_name in parts)

    def timeline(self, span_name: str) -> Timeline:
        """What was counted in the last ``hour``, ``day`` or ``week``.

        Raises:
          KeyError: When there is no such span.
          redis.RedisError: When the server cannot be asked.
        """
        span = SPANS[span_name]
        now = self._store.now_ms() / 1000
        # The period that is under way is not a whole one, and neither is the first.
        periods = span.tier.periods(now - span.seconds + span.tier.period_seconds, now)
        rows = {series: self._rows(span.tier, series, periods, now) for series in self.series()}
        self._forget_before(span.tier, periods[0])
        return Timeline(span, periods, rows, now)

    def totals(self) -> dict[Series, Counts]:
        """What was counted as long as anybody has: numbers that only grow."""
        chosen = self.series()
        hashes = self._read([self._keys.total(series) for series in chosen])
        return {series: Counts(row_of(each)) for series, each in zip(chosen, hashes, strict=True)}

    def incidents(self) -> dict[tuple[str, str], int]:
        """How often something went wrong, by kind and queue (empty where it concerns none): see
        :data:`barback.connection.incidents.Kind`. Numbers that only grow.
        """
        found: Any = self._store.client.hgetall(self._keys.incidents)
        counts = {}
        for name, number in found.items():
            kind, _, queue_name = name.decode(errors="replace").partition(":")
            if number.isdigit():
                counts[kind, queue_name] = int(number)
        return counts

    def deployments(self, since: float) -> list[Deployment]:
        """Where workers of a new version came into use, the first one first.

        Parameters:
          since: A Unix time in seconds, by the server's clock.
        """
        found: Any = self._store.client.zrange(
            self._keys.deployments, int(since), "+inf", byscore=True, withscores=True
        )
        return [
            Deployment(name.decode(errors="replace").partition(":")[2], at) for name, at in found
        ]

    def _rows(
        self, tier: Tier, series: Series, periods: Sequence[int], now: float
    ) -> list[list[int]]:
        # Other threads read and forget meanwhile.
        rows = {it: self._remembered.get((tier.name, series, it)) for it in periods}
        wanted = [period for period, row in rows.items() if row is None]
        found = self._read([self._keys.counts(tier, series, period) for period in wanted])
        read = dict(zip(wanted, map(row_of, found), strict=True))
        for period, row in read.items():
            if period + 2 * tier.period_seconds < now:  # nobody adds to it any more
                self._remembered[tier.name, series, period] = row
        return [read[period] if row is None else row for period, row in rows.items()]

    def _read(self, keys: Sequence[str]) -> list[dict[bytes, bytes]]:
        answers: list[dict[bytes, bytes]] = []
        for start in range(0, len(keys), BATCH_SIZE):
            with self._store.client.pipeline(transaction=False) as pipeline:
                for key in keys[start : start + BATCH_SIZE]:
                    pipeline.hgetall(key)
                answers += pipeline.execute()
        return answers

    def _forget_before(self, tier: Tier, period: int) -> None:
        old = [key for key in list(self._remembered) if key[0] == tier.name and key[2] < period]
        for key in old:
            self._remembered.pop(key, None)
