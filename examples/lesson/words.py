"""What was measured, in plain words: for the terminal and for the picture."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from lesson_rounds import waits_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lesson_rounds import LessonQueue, Slip


def bar_in_words(queues: Sequence[LessonQueue]) -> str:
    if len(queues) == 1:
        return f"one worker, {queues[0].threads} threads, takes whatever is next"
    return "a worker each: " + ", ".join(
        f"{queue.threads} threads for {queue.drinks[0]}"
        if queue.threads > 1
        else f"1 for {queue.drinks[0]}"
        for queue in queues
    )


def average_in_words(slips: Sequence[Slip]) -> str:
    """``Coffees waited 4.7 s``. They are of one drink, and all are served."""
    return f"{slips[0].drink.capitalize()}s waited {fmean(waits_seconds(slips)):.1f} s"


def longest_in_words(slips: Sequence[Slip]) -> str:
    return f"on average, at most {max(waits_seconds(slips)):.1f} s"
