"""How finely history is kept, and for how long; and the keys that it is kept under."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from barback.metrics.counts import Series


@dataclass(frozen=True)
class Tier:
    """One resolution of history.

    Parameters:
      name: What it is called in keys.
      period_seconds: The length of time that is counted together.
      kept_seconds: How long it is kept.
    """

    name: str
    period_seconds: int
    kept_seconds: int

    def period_of(self, unix_seconds: float) -> int:
        """When the period began that a moment is in, as a Unix time in seconds."""
        return int(unix_seconds) // self.period_seconds * self.period_seconds

    def periods(self, since: float, until: float) -> range:
        """The periods of a span of time, the one that it begins in included."""
        return range(self.period_of(since), int(until) + 1, self.period_seconds)


MINUTES = Tier("1m", 60, 8 * 3600)
TEN_MINUTES = Tier("10m", 600, 3 * 86_400)
HOURS = Tier("1h", 3600, 90 * 86_400)

TIERS = (MINUTES, TEN_MINUTES, HOURS)


@dataclass(frozen=True)
class MetricsKeys:
    """The keys of history. All are ours.

    Parameters:
      namespace: What every key of the broker begins with.
      on_cluster: Whether a hash tag is to keep them all on one server.
    """

    namespace: str
    on_cluster: bool = False

    @cached_property
    def series(self) -> str:
        """Sorted set: ``queue:actor`` by when something was last counted, in server seconds."""
        return f"{self._prefix}:series"

    def counts(self, tier: Tier, series: Series, period: int) -> str:
        """Hash: what was counted in a period. It expires."""
        return f"{self._prefix}:{tier.name}:{series.queue_name}:{series.actor_name}:{period}"

    def total(self, series: Series) -> str:
        """Hash: what was counted as long as anybody has."""
        return f"{self._prefix}:total:{series.queue_name}:{series.actor_name}"

    @cached_property
    def incidents(self) -> str:
        """Hash: ``kind:queue`` → how often something went wrong."""
        return f"{self._prefix}:incidents"

    @cached_property
    def version(self) -> str:
        """String: the version of the worker that started last."""
        return f"{self._prefix}:version"

    @cached_property
    def deployments(self) -> str:
        """Sorted set: ``time:version`` by when a worker of another version than the one before
        started, in server seconds.
        """
        return f"{self._prefix}:deployments"

    @property
    def _prefix(self) -> str:
        own = "{__barback__}" if self.on_cluster else "__barback__"
        return f"{self.namespace}:{own}:metrics"
