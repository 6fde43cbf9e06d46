"""Medians, ranges and percentiles."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Spread:
    """A figure over several repeats: its middle, its lowest and its highest."""

    middle: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least so many percent of the samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread_of_percentile(repeats: Sequence[Sequence[float]], percent: float) -> Spread:
    """The percentile of the samples of all repeats together, and the range of those of each."""
    each = [percentile(samples, percent) for samples in repeats]
    together = [sample for samples in repeats for sample in samples]
    return Spread(percentile(together, percent), min(each), max(each))
