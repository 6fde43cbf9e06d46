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
        return (
            spread(values) if self.percent is None else spread_of_percentile(values, self.percent)
        )


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

#: What systems are compared by.
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


BARE_RPUSH = Figure("bare_rpush_per_second", "bare RPUSH /s")
DELAYED_START_P50 = Figure("delayed_start_ms", "p50 ms", 50, 1)
DELAYED_START_P99 = Figure("delayed_start_ms", "p99 ms", 99, 1)
DELAYED_MEMORY = Figure("delayed_messages_megabytes", "MB", digits=1)
RECOVERY_P50 = Figure("recovery_seconds", "p50 s", 50, 1)
RECOVERY_P99 = Figure("recovery_seconds", "p99 s", 99, 1)
COFFEE_SHARED_P50 = Figure("coffee_on_shared_queue_ms", "p50 ms", 50)
COFFEE_SHARED_P99 = Figure("coffee_on_shared_queue_ms", "p99 ms", 99)
COFFEE_OWN_P50 = Figure("coffee_on_own_queue_ms", "p50 ms", 50, 1)
COFFEE_OWN_P99 = Figure("coffee_on_own_queue_ms", "p99 ms", 99, 1)


class Summary:
    """A result, with one figure for each system."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result = result
        self.systems: dict[str, dict[str, Any]] = {
            name: system for name, system in result["systems"].items() if any(system["runs"])
        }

    def label(self, name: str) -> str:
        return str(self.systems[name]["label"])

    def runs(self, name: str) -> Runs:
        return list(self.systems[name]["runs"]) if name in self.systems else []

    def spread(self, name: str, figure: Figure) -> Spread | None:
        return figure.of(self.runs(name))

    def value(self, name: str, figure: Figure) -> float | None:
        found = self.spread(name, figure)
        return None if found is None else found.middle

    def best_other(self, figure: Figure) -> tuple[str, float] | None:
        """The name and the figure of the best system but ours."""
        values = {name: self.value(name, figure) for name in self.systems if name != "ours"}
        known = {name: value for name, value in values.items() if value is not None}
        if not known:
            return None
        best = (min if figure.less_is_better else max)(known, key=lambda name: known[name])
        return best, known[best]


def deliveries(runs: Runs) -> dict[str, int]:
    """How many messages were sent, lost and duplicated in all runs together."""
    found = [each for run in runs for each in run.get("delivery", {}).values()]
    return {key: sum(each[key] for each in found) for key in ("sent", "lost", "duplicated")}
