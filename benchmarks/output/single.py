"""The figures that only Barback has, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import summary as figures
from benchmarks.output.numbers import median_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.summary import Figure, Summary


def single_figures(summary: Summary) -> Iterator[tuple[str, str]]:
    """What each is called, and what was measured."""
    yield from _one(summary, "bare pipelined RPUSH of the same payloads", figures.BARE_RPUSH, "/s")
    yield from _percentiles(
        summary,
        "start of a delayed message after it is due",
        (figures.DELAYED_START_P50, figures.DELAYED_START_P99),
    )
    yield from _one(
        summary,
        "memory of a worker with 100,000 delayed messages",
        figures.DELAYED_MEMORY,
        "MB more",
    )
    yield from _percentiles(
        summary,
        "coffee's wait behind beer, on one shared queue",
        (figures.COFFEE_SHARED_P50, figures.COFFEE_SHARED_P99),
    )
    yield from _percentiles(
        summary,
        "coffee's wait, on a queue of its own",
        (figures.COFFEE_OWN_P50, figures.COFFEE_OWN_P99),
    )
    yield from _percentiles(
        summary,
        "recovery of a killed worker's messages",
        (figures.RECOVERY_P50, figures.RECOVERY_P99),
    )
    yield from _kills(summary)


def _one(summary: Summary, label: str, figure: Figure, unit: str) -> Iterator[tuple[str, str]]:
    found = summary.spread("ours", figure)
    if found is not None:
        yield label, f"{median_text(figure, found)} {unit}"


def _percentiles(
    summary: Summary, label: str, both: tuple[Figure, Figure]
) -> Iterator[tuple[str, str]]:
    found = [(figure, summary.spread("ours", figure)) for figure in both]
    if found[0][1] is not None:
        texts = []
        for figure, each in found:
            percentile, unit = figure.label.split()
            texts.append(f"{percentile} {median_text(figure, each)} {unit}")
        yield label, ", ".join(texts)


def _kills(summary: Summary) -> Iterator[tuple[str, str]]:
    for run in summary.runs("ours"):
        if "kills" in run:
            held, delivery = run["recovered_messages"], run["kill_delivery"]
            yield (
                f"{run['kills']} workers killed, {held} messages in their hands",
                f"{delivery['lost']} lost, {delivery['duplicated']} run twice",
            )
