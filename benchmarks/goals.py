"""Which of the figures that Barback is to reach a result reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import summary as figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.summary import Figure, Summary

OURS, STOCK = "ours", "stock"

MOST_IDLE_COMMANDS_PER_SECOND = 2.0
LONGEST_PICKUP_P99_MS = 2.0
LATEST_DELAYED_START_P99_MS = 20.0
MOST_MEMORY_OF_DELAYED_MEGABYTES = 10.0
LONGEST_RECOVERY_P99_SECONDS = 10.0


@dataclass(frozen=True)
class Goal:
    """A figure to reach, and what was measured."""

    label: str
    wanted: str
    measured: str
    is_reached: bool


def goals(summary: Summary) -> list[Goal]:
    """All goals that the result has the figures for."""
    return [*_speed(summary), *_waits(summary), *_costs(summary), *_recovery(summary)]


def _speed(summary: Summary) -> Iterator[Goal]:
    yield from _times_system(summary, figures.DRAIN_1, STOCK, 9)
    yield from _times_best(summary, figures.DRAIN_1, 4)
    yield from _times_best(summary, figures.DRAIN_2, 3)
    stock_loop = summary.value(STOCK, figures.ENQUEUE)
    yield from _times(summary, figures.BULK, "stock's loop", stock_loop, 9)
    limit = summary.value(OURS, figures.BARE_RPUSH)
    yield from _times(summary, figures.BULK, "bare RPUSH", limit, 0.5)
    yield from _times_system(summary, figures.ENQUEUE, STOCK, 1)


def _waits(summary: Summary) -> Iterator[Goal]:
    for p50, p99 in (
        (figures.PICKUP_P50, figures.PICKUP_P99),
        (figures.RARE_PICKUP_P50, figures.RARE_PICKUP_P99),
    ):
        best = summary.best_other(p50)
        if best is not None:
            name, value = best
            yield from _at_most(summary, p50, value, f"{summary.label(name)}'s {value:.2f}")
        yield from _at_most(summary, p99, LONGEST_PICKUP_P99_MS)
    yield from _at_most(
        summary,
        figures.DELAYED_START_P99,
        LATEST_DELAYED_START_P99_MS,
        label="delayed start p99 ms",
    )


def _costs(summary: Summary) -> Iterator[Goal]:
    yield from _at_most(summary, figures.IDLE, MOST_IDLE_COMMANDS_PER_SECOND)
    yield from _at_most(
        summary,
        figures.DELAYED_MEMORY,
        MOST_MEMORY_OF_DELAYED_MEGABYTES,
        label="memory of 100,000 delayed messages, MB",
    )


def _recovery(summary: Summary) -> Iterator[Goal]:
    yield from _at_most(
        summary, figures.RECOVERY_P99, LONGEST_RECOVERY_P99_SECONDS, label="recovery p99 s"
    )
    kills = [run["kill_delivery"] for run in summary.runs(OURS) if "kill_delivery" in run]
    if kills:
        lost = sum(each["lost"] for each in kills)
        yield Goal("lost when workers are killed", "0", str(lost), lost == 0)


def _times_system(summary: Summary, figure: Figure, name: str, factor: float) -> Iterator[Goal]:
    if name in summary.systems:
        yield from _times(summary, figure, summary.label(name), summary.value(name, figure), factor)


def _times_best(summary: Summary, figure: Figure, factor: float) -> Iterator[Goal]:
    best = summary.best_other(figure)
    if best is not None:
        name, value = best
        yield from _times(summary, figure, f"the best other ({summary.label(name)})", value, factor)


def _times(
    summary: Summary, figure: Figure, whose: str, value: float | None, factor: float
) -> Iterator[Goal]:
    ours = summary.value(OURS, figure)
    if ours is not None and value is not None:
        ratio = ours / value
        wanted = f"≥ {factor:g} × {whose}"
        yield Goal(figure.label, wanted, f"{ratio:.2f} ×", ratio >= factor)


def _at_most(
    summary: Summary, figure: Figure, limit: float, whose: str = "", label: str = ""
) -> Iterator[Goal]:
    ours = summary.value(OURS, figure)
    if ours is not None:
        wanted = f"≤ {whose or format(limit, 'g')}"
        yield Goal(label or figure.label, wanted, f"{ours:.2f}", ours <= limit)
