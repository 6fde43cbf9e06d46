"""Parts, their figures and their growth curves."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.harness.bench import Bench

#: A rate or the like; samples, of which percentiles are of interest; or why there is no figure.
Measurement = float | list[float] | str
Measurements = dict[str, Measurement]

#: What results keep of a figure: the middle, the lowest and the highest of the repeats, and of how
#: many samples or repeats; or why there is none.
Condensed = list[float] | str

#: Systems for which parts are that not all can be compared in.
BARBACK = ("ours", "older")
DRAMATIQ = (*BARBACK, "stock")

_SIGNIFICANT_DIGITS = 4


@dataclass(frozen=True)
class Figure:
    """A figure that systems are compared by.

    Parameters:
      key: What the measurements call it.
      label: What people call it.
      percent: Which percentile it is, where the measurement is samples.
      digits: How many decimals make sense.
      less_is_better: Whether a low value is a good one.
      is_comparable: Whether to tell how many times as good as others ours is.
    """

    key: str
    label: str
    percent: float | None = None
    digits: int = 0
    less_is_better: bool = False
    is_comparable: bool = True

    @property
    def name(self) -> str:
        return self.key if self.percent is None else f"{self.key}_p{self.percent:g}"

    def condense(self, repeats: Sequence[Measurements]) -> Condensed | None:
        """What results keep of some repeats, or None if it was measured in none of them.

        A percentile is that of the samples of all repeats together; its range is that of each.
        """
        found = [each for repeat in repeats if (each := repeat.get(self.key, [])) != []]
        reasons = [each for each in found if isinstance(each, str)]
        if reasons or not found:
            return reasons[0] if reasons else None
        samples = [each if isinstance(each, list) else [float(each)] for each in found]
        together = [sample for each in samples for sample in each]
        values = [self._middle(each) for each in samples]
        kept = (self._middle(together), min(values), max(values))
        return [*(float(f"{each:.{_SIGNIFICANT_DIGITS}g}") for each in kept), len(together)]

    def _middle(self, samples: list[float]) -> float:
        if self.percent is None:
            return statistics.median(samples)
        return float(np.percentile(samples, self.percent, method="inverted_cdf"))


def percentiles(key: str, label: str, digits: int = 2) -> tuple[Figure, Figure]:
    """The median and the 99th percentile of waits."""
    return (
        Figure(key, f"{label}, p50", 50, digits, less_is_better=True),
        Figure(key, f"{label}, p99", 99, digits, less_is_better=True),
    )


@dataclass(frozen=True)
class Curve:
    """How a figure grows with something, for the chart: the figure at each size."""

    title: str
    x_label: str
    points: tuple[tuple[int, Figure], ...]


@dataclass(frozen=True)
class Part:
    """Figures that are measured together. ``report/RESULTS.md.jinja`` tells how, in words.

    Parameters:
      name: What the command line calls it.
      measure: Measures them once.
      figures: The figures.
      systems: Which systems it is for, unless for all.
      once: Whether one repeat is enough: it takes long, or has many samples within.
      curves: How some of the figures grow.
    """

    name: str
    measure: Callable[[Bench], Measurements]
    figures: tuple[Figure, ...]
    systems: tuple[str, ...] = ()
    once: bool = False
    curves: tuple[Curve, ...] = ()
