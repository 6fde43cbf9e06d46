"""What was measured, in plain words: for the terminal and, in each language, for the picture."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from lesson_rounds import waits_seconds
from translations import gettext, gettext_noop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lesson_rounds import LessonQueue, Slip

_AVERAGES = {
    "beer": gettext_noop("Beers waited %(seconds).1f s"),
    "coffee": gettext_noop("Coffees waited %(seconds).1f s"),
}


def bar_in_words(queues: Sequence[LessonQueue]) -> str:
    if len(queues) == 1:
        return gettext(
            "one worker, %(threads)s threads, takes whatever is next", threads=queues[0].threads
        )
    return gettext(
        "a worker each: %(beer)s threads for beer, %(coffee)s for coffee",
        **{queue.drinks[0]: queue.threads for queue in queues},
    )


def average_in_words(slips: Sequence[Slip]) -> str:
    """``Coffees waited 4.7 s``. They are of one drink, and all are served."""
    return gettext(_AVERAGES[slips[0].drink], seconds=fmean(waits_seconds(slips)))


def longest_in_words(slips: Sequence[Slip]) -> str:
    return gettext("on average, at most %(seconds).1f s", seconds=max(waits_seconds(slips)))
