"""The two bars as the page shows them: slips in queues, at workers and served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from barback.i18n import formats
from lesson_rounds import (
    A_QUEUE_EACH,
    DRINKS,
    ONE_QUEUE,
    LessonQueue,
    Round,
    Slip,
    are_served,
    slips_of_drink,
    waits_seconds,
)
from translations import gettext as _
from translations import gettext_noop, ngettext
from web.broker import broker
from web.workers import nobody_serves

ONE_QUEUE_TITLE = gettext_noop("One queue for all")
A_QUEUE_EACH_TITLE = gettext_noop("A queue each")


@dataclass(frozen=True)
class Lane:
    """A queue, its worker, and what that has served.

    Parameters:
      queue: Which.
      slips: The round's slips in it, the next one first.
      others: How many slips of other rounds wait in the queue, too.
      is_unserved: Whether no worker serves the queue.
    """

    queue: LessonQueue
    slips: Sequence[Slip]
    others: int
    is_unserved: bool

    @property
    def waiting(self) -> list[Slip]:
        return [slip for slip in self.slips if slip.is_waiting]

    @property
    def in_work(self) -> list[Slip]:
        return [slip for slip in self.slips if slip.is_in_work]

    @property
    def served(self) -> list[Slip]:
        return [slip for slip in self.slips if slip.served is not None]

    @property
    def idle_threads(self) -> int:
        return max(0, self.queue.threads - len(self.in_work))


@dataclass(frozen=True)
class Count:
    """The slips of a drink at a bar, in figures."""

    drink: str
    waiting: int
    in_work: int
    served: int
    average_wait: str


@dataclass(frozen=True)
class Bar:
    """A bar.

    Parameters:
      title: What it is to show.
      lanes: Its queues.
      latest: When something was last taken or served, in seconds since all was ordered.
    """

    title: str
    lanes: Sequence[Lane]
    latest: float

    @property
    def slips(self) -> list[Slip]:
        return [slip for lane in self.lanes for slip in lane.slips]

    @property
    def counts(self) -> list[Count]:
        return [self.count(drink) for drink in DRINKS]

    def count(self, drink: str) -> Count:
        slips = slips_of_drink(self.slips, drink)
        waiting = sum(slip.is_waiting for slip in slips)
        in_work = sum(slip.is_in_work for slip in slips)
        served = len(slips) - waiting - in_work
        return Count(drink, waiting, in_work, served, _average_wait(slips, self.latest))


def bars_of(the_round: Round | None) -> list[Bar]:
    """Both bars, empty as long as there is no round.

    Raises: redis.RedisError.
    """
    latest = the_round.latest if the_round else 0.0
    return [
        Bar(_(title), [_lane(queue, the_round) for queue in queues], latest)
        for title, queues in ((ONE_QUEUE_TITLE, ONE_QUEUE), (A_QUEUE_EACH_TITLE, A_QUEUE_EACH))
    ]


def news_of(bars: Sequence[Bar]) -> str:
    """What there is to say; it changes a few times in a round, for those who have it read out."""
    unserved = [lane.queue.name for bar in bars for lane in bar.lanes if lane.is_unserved]
    one, each = bars
    if are_served(one.slips + each.slips):
        if not one.slips:
            return _no_worker(unserved)
        coffee, beer = (
            [bar.count(drink).average_wait for bar in bars] for drink in ("coffee", "beer")
        )
        return _(
            "All is served. On average, a coffee waited %(coffee_one)s with one queue for all and "
            "%(coffee_each)s with a queue each; a beer %(beer_one)s and %(beer_each)s.",
            coffee_one=coffee[0],
            coffee_each=coffee[1],
            beer_one=beer[0],
            beer_each=beer[1],
        )
    if unserved:
        return _no_worker(unserved)
    if are_served(slips_of_drink(each.slips, "coffee")):
        return (
            _(
                "With a queue each, all coffees are served. With one queue for all, coffees still "
                "wait among the beers."
            )
            if not are_served(slips_of_drink(one.slips, "coffee"))
            else _("All coffees are served. The last beers are being poured.")
        )
    return _("The same orders are at both bars.")


def _no_worker(queue_names: Sequence[str]) -> str:
    if not queue_names:
        return ""
    return ngettext(
        "No worker serves the queue %(names)s right now. Slips wait there until one comes.",
        "No worker serves the queues %(names)s right now. Slips wait there until one comes.",
        len(queue_names),
        names=_(", ").join(queue_names),
    )


def _lane(queue: LessonQueue, the_round: Round | None) -> Lane:
    slips = the_round.at([queue]) if the_round else []
    own = sum(slip.is_waiting for slip in slips)
    others = max(0, broker().queue_length(queue.name) - own)
    return Lane(queue, slips, others, nobody_serves(queue.name))


def _average_wait(slips: Sequence[Slip], latest: float) -> str:
    if not latest:
        return "–"  # noqa: RUF001 - a dash for "nothing yet"
    return formats.seconds(fmean(waits_seconds(slips, latest)))
