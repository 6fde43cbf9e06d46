"""The buckets of the time histograms."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The upper bounds of the buckets, in seconds: 0.1 ms to 8 h, each half as long again as the one
#: before, so that what is read out of them is wrong by 23 % at the most. A last bucket without a
#: bound follows.
BOUNDS_SECONDS = tuple(0.0001 * 1.5**power for power in range(48))

BUCKET_COUNT = len(BOUNDS_SECONDS) + 1


def bucket_of(seconds: float) -> int:
    """The number of the bucket for a time."""
    return bisect_left(BOUNDS_SECONDS, seconds)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The time in seconds that a share of all stays within, or None when there are none.

    Parameters:
      counts: How many there are in each bucket.
      share: The share, from 0 to 1: 0.99 for the 99th percentile.
    """
    wanted = share * sum(counts)
    seen = 0
    for number, count in enumerate(counts):
        if count and seen + count >= wanted:
            # The middle of the bucket, in proportion.
            return BOUNDS_SECONDS[min(number, len(BOUNDS_SECONDS) - 1)] / math.sqrt(1.5)
        seen += count
    return None
