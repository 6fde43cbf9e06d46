"""How many messages come into a queue, reckoned from what it holds and what has ended."""

from __future__ import annotations

from barback.board.inflow import Inflow
from barback.metrics.counts import DEAD, DONE, Series, empty_row
from barback.metrics.history import SPANS, Timeline
from barback.monitoring.queues import QueueStatus

BEER = Series("beer", "pour")


def status(ready: int, *, workers: int = 1, delayed: int = 0) -> QueueStatus:
    return QueueStatus(
        name="beer",
        ready=ready,
        running=0,
        delayed=delayed,
        dead=0,
        oldest_seconds=None,
        workers=workers,
        is_paused=False,
        limited=0,
    )


def timeline(now: float, done: dict[int, int], *, dead: int = 0) -> Timeline:
    """The last hour, with what was done in the minutes that begin at a time."""
    minute = int(now) // 60 * 60
    periods = range(minute - 59 * 60, minute + 1, 60)
    rows = [empty_row() for _ in periods]
    for period, row in zip(periods, rows, strict=True):
        row[DONE] = done.get(period, 0)
    rows[-1][DEAD] = dead
    return Timeline(SPANS["hour"], periods, {BEER: rows}, now)


def test_what_is_held_beyond_before_and_what_has_ended_has_come_in() -> None:
    inflow = Inflow()
    assert inflow.rates([status(10)], timeline(7_210, {7_200: 50})) == {"beer": None}

    # In 120 s 30 more are held, 40 + 20 were done, and 6 died.
    rates = inflow.rates([status(15, delayed=25)], timeline(7_330, {7_200: 90, 7_320: 20}, dead=6))

    assert rates == {"beer": (30 + 40 + 20 + 6) / 120}


def test_a_queue_that_was_emptied_has_no_negative_rate() -> None:
    inflow = Inflow()
    inflow.rates([status(10)], timeline(7_210, {}))
    assert inflow.rates([status(0)], timeline(7_260, {})) == {"beer": 0}


def test_only_the_last_minutes_count() -> None:
    inflow = Inflow()
    inflow.rates([status(0)], timeline(7_200, {}))
    inflow.rates([status(900)], timeline(7_300, {}))
    inflow.rates([status(900)], timeline(7_450, {}))

    # The window begins with the look at 7,300: what came before is over.
    assert inflow.rates([status(1_200)], timeline(7_600, {})) == {"beer": 1.0}


def test_after_a_time_in_which_nobody_looked_the_window_begins_anew() -> None:
    inflow = Inflow()
    inflow.rates([status(0)], timeline(7_200, {}))
    assert inflow.rates([status(900)], timeline(9_000, {})) == {"beer": None}
    assert inflow.rates([status(960)], timeline(9_060, {})) == {"beer": 1.0}


def test_nothing_is_told_of_a_queue_whose_workers_do_not_count() -> None:
    inflow = Inflow()
    for now in (7_200, 7_260):
        uncounted = Timeline(SPANS["hour"], timeline(now, {}).periods, {}, now)
        served, unserved = ([status(now, workers=count)] for count in (1, 0))
        assert inflow.rates(served, uncounted) == {"beer": None}
    assert inflow.rates(unserved, uncounted) == {"beer": 1.0}
