"""From the runs of a result to one figure for each system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.statistics import Spread, spread, spread_of_percentile

Runs = list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A figure that systems are compared by.

    Parameters:
      key: What the runs call it.
      label: What people call it.
      percent: Which percentile it is, where the runs keep samples.
      digits: How many decimals make sense.
      less_is_better: Whether a low value is a good one.
    """

    key: str
    label: str
    percent: float | None = None
    digits: int = 0
    less_is_better: bool = False

    def of(self, runs: Runs) -> Spread | None:
        """The figure over all runs that have it, or None."""
        values = [run[self.key] for run in runs if self.key in run]
        if not values:
            return None
        return spread(values) if self.percent is None else spread_of_percentile(values, self.percent)


ENQUEUE = Figure("enqueue_per_second", "enqueue /s")
BULK = Figure("bulk_per_second", "in bulk /s")
DRAIN_1 = Figure("drain_1_per_second", "drain /s, 1 process")
DRAIN_2 = Figure("drain_2_per_second", "drain /s, 2 processes")
PICKUP_P50 = Figure("pickup_20_ms", "pick-up p50 ms", 50, 2, less_is_better=True)
PICKUP_P99 = Figure("pickup_20_ms", "pick-up p99 ms", 99, 2, less_is_better=True)
RARE_PICKUP_P50 = Figure("pickup_1300_ms", "after 1.3 s p50 ms", 50, 2, less_is_better=True)
RARE_PICKUP_P99 = Figure("pickup_1300_ms", "after 1.3 s p99 ms", 99, 2, less_is_better=True)
IDLE = Figure("idle_commands_per_second", "idle commands /s", digits=1, less_is_better=True)
MEMORY = Figure("peak_1_megabytes", "peak memory MB", less_is_better=True)

FIGURES = (
    ENQUEUE,
    BULK,
    DRAIN_1,
    DRAIN_2,
    PICKUP_P50,
    PICKUP_P99,
    RARE_PICKUP_P50,
    RARE_PICKUP_P99,
    IDLE,
    MEMORY,
)


def deliveries(runs: Runs) -> dict[str, int]:
    """How many messages were sent, lost and duplicated in all runs together."""
    found = [each for run in runs for each in run.get("delivery", {}).values()]
    return {key: sum(each[key] for each in found) for key in ("sent", "lost", "duplicated")}
