"""When standing orders run, and how people read and write that."""

from __future__ import annotations

import datetime as dt

import click
import pytest

from database.standing_orders import StandingOrder
from standing_orders.options import Interval, point_in_time
from standing_orders.timing import next_run
from standing_orders.trigger import OrderTrigger
from standing_orders.words import duration_in_words, run_in_words, schedule_in_words

CREATED = dt.datetime(2026, 6, 10, 10, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def an_order(
    *,
    cron: str | None = None,
    every_seconds: int | None = None,
    at: dt.datetime | None = None,
    timezone: str = "UTC",
) -> StandingOrder:
    return StandingOrder(
        id="cafe",
        drink="coffee",
        cron=cron,
        every_seconds=every_seconds,
        at=at,
        timezone=timezone,
        created_at=CREATED,
    )


def test_an_interval_is_counted_from_the_making_of_the_order() -> None:
    order = an_order(every_seconds=5400)
    assert next_run(order, CREATED) == CREATED + 90 * MINUTE
    assert next_run(order, CREATED + 89 * MINUTE) == CREATED + 90 * MINUTE
    assert next_run(order, CREATED + 90 * MINUTE) == CREATED + 180 * MINUTE
    assert next_run(order, CREATED - 90 * MINUTE) == CREATED + 90 * MINUTE


def test_a_point_in_time_comes_once() -> None:
    order = an_order(at=CREATED + MINUTE)
    assert next_run(order, CREATED) == CREATED + MINUTE
    assert next_run(order, CREATED + MINUTE) is None


def test_apscheduler_counts_weekdays_from_sunday_as_all_of_the_project_does() -> None:
    # Given the weekday 0, which APScheduler by itself takes for Monday
    wednesday = dt.datetime(2026, 6, 10, tzinfo=dt.UTC)
    for sunday in ("0", "7", "sun"):
        trigger = OrderTrigger(an_order(cron=f"0 9 * * {sunday}"), skew=dt.timedelta())
        fires = trigger.get_next_fire_time(None, wednesday)
        assert fires == dt.datetime(2026, 6, 14, 9, 0, tzinfo=dt.UTC)


def test_a_machine_whose_clock_is_wrong_fires_when_the_server_shows_the_time() -> None:
    # Given a machine 90 s behind the server
    trigger = OrderTrigger(an_order(cron="0 * * * *"), skew=dt.timedelta(seconds=90))
    # When it is 10:58:00 for the machine
    fires = trigger.get_next_fire_time(None, CREATED + 58 * MINUTE)
    # Expect 11:00 of the server at 10:58:30 of the machine, and then 12:00
    assert fires == CREATED + 58.5 * MINUTE
    assert trigger.scheduled_for(fires) == CREATED + 60 * MINUTE
    assert trigger.get_next_fire_time(fires, fires) == CREATED + 118.5 * MINUTE


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (45, "45 s"),
        (60, "1 min"),
        (5400, "1 h 30 min"),
        (3600 + 5, "1 h"),
        (2 * 86400 + 3 * 3600 + 120, "2 d 3 h"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration_in_words(dt.timedelta(seconds=seconds)) == words


def test_schedules_and_runs_in_words() -> None:
    lisbon = an_order(cron="0 8 * * mon-fri", timezone="Europe/Lisbon")
    assert schedule_in_words(lisbon) == "0 8 * * mon-fri (Europe/Lisbon)"
    assert schedule_in_words(an_order(every_seconds=5400)) == "every 1 h 30 min"
    assert schedule_in_words(an_order(at=CREATED)) == "once"
    run = next_run(lisbon, CREATED)
    assert run is not None
    assert run_in_words(lisbon, run, CREATED) == "in 21 h, Thu 11 Jun 08:00 WEST"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("90m", 5400), ("1h30m", 5400), ("2d", 172800), ("1 H", 3600)],
)
def test_intervals_are_read(text: str, seconds: int) -> None:
    assert Interval().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0s", "5", "m", "-1m", "1.5h", "5x", "367d", "9" * 30 + "d"])
def test_wrong_intervals_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a time such as 45s"):
        Interval().convert(text, None, None)


def test_a_point_in_time_is_of_the_time_zone() -> None:
    assert point_in_time("2127-01-01 09:00", "Asia/Tokyo") == dt.datetime(2127, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("text", ["2020-01-01 09:00", "tomorrow", "2127-13-01"])
def test_a_point_in_time_that_is_over_or_none_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        point_in_time(text, "UTC")
