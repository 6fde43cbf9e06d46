"""When standing orders run, and how people read and write that."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import click
import pytest
from rich.console import Console

from barback.cron import InvalidSchedule
from database.standing_orders import StandingOrder
from standing_orders.board import as_schedule
from standing_orders.listing import as_json, as_line, as_table, next_in_words
from standing_orders.options import Interval, point_in_time
from standing_orders.reading import read_days_and_time, read_schedule
from standing_orders.timing import Unrunnable, next_run
from standing_orders.trigger import OrderTrigger
from standing_orders.words import run_in_words, schedule_in_words

CREATED = dt.datetime(2026, 6, 10, 10, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
LONG_AGO = CREATED - 120 * MINUTE


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


def test_what_a_row_has_in_it_does_not_steer_a_terminal() -> None:
    order = an_order(cron="\x1b[31m* [red] * *\x00")

    written = io.StringIO()
    Console(file=written, width=200).print(as_table([order]))
    for shown in (written.getvalue(), as_line(order)):
        assert "\x1b" not in shown
        assert "\x00" not in shown
        assert "[red]" in shown


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


def test_schedules_and_runs_in_words() -> None:
    lisbon = an_order(cron="0 8 * * mon-fri", timezone="Europe/Lisbon")
    assert schedule_in_words(lisbon) == "Mon–Fri at 08:00 (Europe/Lisbon)"  # noqa: RUF001
    assert schedule_in_words(an_order(every_seconds=5400)) == "every 1 h 30 min"
    assert schedule_in_words(an_order(at=CREATED)) == "once"
    run = next_run(lisbon, CREATED)
    assert run is not None
    assert run_in_words(lisbon, run, CREATED) == "in 21 h, Thu 11 Jun 08:00 WEST"


@pytest.mark.parametrize(
    ("days", "time", "cron", "words"),
    [
        (["mon", "tue", "wed", "thu", "fri"], "08:00", "0 8 * * mon-fri", "Mon–Fri at 08:00"),  # noqa: RUF001
        (["sun", "sat"], "23:59", "59 23 * * sat,sun", "Sat, Sun at 23:59"),
        (["wed", "wed"], "00:05", "5 0 * * wed", "Wed at 00:05"),
        (
            ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "07:30",
            "30 7 * * *",
            "every day at 07:30",
        ),
    ],
)
def test_days_and_a_time_become_cron_and_words_again(
    days: list[str], time: str, cron: str, words: str
) -> None:
    assert read_days_and_time(days, time)["cron"] == cron
    assert schedule_in_words(an_order(cron=cron)) == f"{words} (UTC)"


@pytest.mark.parametrize(
    ("days", "time"), [([], "08:00"), (["noday"], "08:00"), (["mon"], ""), (["mon"], "24:00")]
)
def test_days_and_times_that_do_not_exist_are_refused(days: list[str], time: str) -> None:
    with pytest.raises(InvalidSchedule, match="Choose"):
        read_days_and_time(days, time)


def test_cron_that_is_no_time_on_some_days_stays_as_it_is() -> None:
    assert schedule_in_words(an_order(cron="*/5 8 1 * *")) == "*/5 8 1 * * (UTC)"


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
    year = dt.datetime.now(dt.UTC).year + 1
    expected = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    assert point_in_time(f"{year}-01-01 09:00", "Asia/Tokyo") == expected


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2020-01-01 09:00", "in the past"),
        ("0001-01-01 00:00", "in the past"),
        ("9999-12-31 23:59", "too far ahead"),
        ("9999-12-31 23:59-12:00", "too far ahead"),
        ("tomorrow", "expected a time such as"),
        ("2127-13-01", "expected a time such as"),
    ],
)
def test_a_point_in_time_that_cannot_come_is_refused(text: str, reason: str, timezone: str) -> None:
    with pytest.raises(click.BadParameter, match=reason):
        point_in_time(text, timezone)


@pytest.mark.parametrize("name", ["posix/Europe/Lisbon", "right/UTC", "localtime", "", "/etc/x"])
def test_time_zones_that_only_some_machines_have_are_refused(name: str) -> None:
    with pytest.raises(InvalidSchedule, match="no time zone is called"):
        read_schedule("0 8 * * *", name)


UNRUNNABLE = [
    an_order(cron="0 8 * * *", timezone="posix/Europe/Lisbon"),
    an_order(cron="0 8 * * *", timezone="Mars"),
    an_order(at=dt.datetime(9999, 12, 31, 23, tzinfo=dt.UTC), timezone="Asia/Tokyo"),
    an_order(cron="0 25 * * *"),
]


@pytest.mark.parametrize("order", UNRUNNABLE)
def test_a_row_that_cannot_be_run_is_listed_with_the_reason(order: StandingOrder) -> None:
    order.is_paused = False
    with pytest.raises(Unrunnable):
        next_run(order, CREATED)
    assert next_in_words(order, CREATED).startswith("cannot be run: ")
    assert as_json(order)["problem"]
    assert schedule_in_words(order)


@pytest.mark.parametrize(
    ("changes", "note", "is_missed", "has_next", "can_run"),
    [
        ({}, "", False, True, True),
        ({"handled_until": LONG_AGO}, "", True, True, True),
        (
            {"handled_until": LONG_AGO, "is_paused": True},
            "paused",
            False,
            False,
            True,
        ),
        ({"cron": None, "at": CREATED}, "never again", False, False, True),
        ({"drink": "tea"}, "cannot be run: the menu has no 'tea'", False, False, False),
    ],
)
def test_the_board_tells_how_a_standing_order_is(
    changes: dict[str, Any], note: str, *, is_missed: bool, has_next: bool, can_run: bool
) -> None:
    order = an_order(cron="0 * * * *")
    for name, value in {"handled_until": CREATED, "is_paused": False, **changes}.items():
        setattr(order, name, value)

    shown = as_schedule(order, CREATED + MINUTE)

    assert (shown.note, shown.is_missed) == (note, is_missed)
    assert (shown.next is not None, shown.run_now is not None) == (has_next, can_run)
