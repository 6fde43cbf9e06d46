"""Each case is one that periodiq's own cron, or somebody else's, gets wrong."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pendulum
import pytest

from barback.cron import InvalidSchedule, cron

SUNDAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def ticks_after(moment: str, spec: str, *, timezone: str = "UTC", count: int = 3) -> list[str]:
    """The ticks after a wall-clock time of the zone, as wall-clock times with their offsets."""
    after = dt.datetime.fromisoformat(moment)
    if after.tzinfo is None:
        after = after.replace(tzinfo=ZoneInfo(timezone))
    schedule = cron(spec, timezone=timezone)
    ticks = schedule.between(after, after + dt.timedelta(days=36525))
    return [f"{tick:%Y-%m-%d %H:%M%z}" for tick in itertools.islice(ticks, count)]


@pytest.mark.parametrize("spelling", ["0", "7", "sun", "SUN", "Sun", "0,7", "7-7", "*/7"])
def test_every_spelling_of_sunday_is_sunday(spelling: str) -> None:
    # Given a schedule on Sundays, on a Sunday before its time
    # Expect it on this very day, and on the next two Sundays
    assert ticks_after("2026-03-01 08:59", f"0 9 * * {spelling}") == [
        "2026-03-01 09:00+0000",
        "2026-03-08 09:00+0000",
        "2026-03-15 09:00+0000",
    ]


@pytest.mark.parametrize(
    ("spelling", "days"),
    [
        ("0-6", [0, 1, 2, 3, 4, 5, 6]),
        ("1-7", [0, 1, 2, 3, 4, 5, 6]),
        ("0-7", [0, 1, 2, 3, 4, 5, 6]),
        ("mon-fri", [1, 2, 3, 4, 5]),
        ("6-7", [0, 6]),
        ("sat,sun", [0, 6]),
        ("mon,wed,5", [1, 3, 5]),
        ("1-5/2", [1, 3, 5]),
        ("*/2", [0, 2, 4, 6]),
        ("sun-tue", [0, 1, 2]),
        ("3-3", [3]),
        ("0-0/2", [0]),
        ("wed-wed/2,5", [3, 5]),
    ],
)
def test_weekdays_are_numbered_from_sunday(spelling: str, days: list[int]) -> None:
    schedule = cron(f"0 0 * * {spelling}")
    # When a week passes, from the minute before Sunday
    week = schedule.between(SUNDAY - dt.timedelta(minutes=1), SUNDAY + dt.timedelta(days=6))
    assert [tick.isoweekday() % 7 for tick in week] == days


@pytest.mark.parametrize(
    ("macro", "first"),
    [
        ("@hourly", "2026-06-10 11:00+0000"),
        ("@daily", "2026-06-11 00:00+0000"),
        ("@midnight", "2026-06-11 00:00+0000"),
        ("@weekly", "2026-06-14 00:00+0000"),
        ("@monthly", "2026-07-01 00:00+0000"),
        ("@yearly", "2027-01-01 00:00+0000"),
        ("@annually", "2027-01-01 00:00+0000"),
    ],
)
def test_macros(macro: str, first: str) -> None:
    assert ticks_after("2026-06-10 10:30", macro, count=1) == [first]


@pytest.mark.parametrize(
    ("spec", "after", "expected"),
    [
        ("0,30 9 * * *", "2026-06-10 10:10", ["06-11 09:00", "06-11 09:30", "06-12 09:00"]),
        ("0,30 * * * *", "2026-06-10 10:10", ["06-10 10:30", "06-10 11:00", "06-10 11:30"]),
        ("*/15 9-10 * * *", "2026-06-10 10:40", ["06-10 10:45", "06-11 09:00", "06-11 09:15"]),
        ("0 0 31 * *", "2026-01-31 00:00", ["03-31 00:00", "05-31 00:00", "07-31 00:00"]),
        ("59 23 28-31 2 *", "2027-02-28 00:00", ["02-28 23:59", "02-28 23:59", "02-29 23:59"]),
        ("0 0 1 * *", "2025-12-31 23:59", ["01-01 00:00", "02-01 00:00", "03-01 00:00"]),
        ("0 0 13 * fri", "2026-06-10 00:00", ["06-12 00:00", "06-13 00:00", "06-19 00:00"]),
        ("5-15/5 0 * jan,jul *", "2026-06-10 00:00", ["07-01 00:05", "07-01 00:10", "07-01 00:15"]),
    ],
)
def test_lists_ranges_steps_and_ends_of_months(spec: str, after: str, expected: list[str]) -> None:
    assert [tick[5:16] for tick in ticks_after(after, spec)] == expected


def test_the_29th_of_february_comes_in_leap_years_and_2100_is_none() -> None:
    assert ticks_after("2088-03-01 00:00", "0 0 29 2 *") == [
        "2092-02-29 00:00+0000",
        "2096-02-29 00:00+0000",
        "2104-02-29 00:00+0000",
    ]


def test_a_time_that_the_clocks_skip_comes_right_after_the_gap() -> None:
    # Given Lisbon, where 01:00 to 02:00 does not exist on 29 March 2026
    assert ticks_after("2026-03-28 12:00", "30 1 * * *", timezone="Europe/Lisbon") == [
        "2026-03-29 02:00+0100",
        "2026-03-30 01:30+0100",
        "2026-03-31 01:30+0100",
    ]


def test_several_skipped_times_come_once() -> None:
    assert ticks_after("2026-03-28 12:00", "0,30 1 * * *", timezone="Europe/Lisbon", count=2) == [
        "2026-03-29 02:00+0100",
        "2026-03-30 01:00+0100",
    ]


def test_a_time_that_the_clocks_repeat_comes_once_the_first_time() -> None:
    # Given Lisbon, where 01:00 to 02:00 comes twice on 25 October 2026
    assert ticks_after("2026-10-24 12:00", "30 1 * * *", timezone="Europe/Lisbon", count=2) == [
        "2026-10-25 01:30+0100",
        "2026-10-26 01:30+0000",
    ]


def test_after_a_look_in_the_repeated_hour_the_time_does_not_come_again() -> None:
    # Given the second 01:10 of that day, after the first 01:30
    assert ticks_after("2026-10-25 01:10+00:00", "30 1 * * *", timezone="Europe/Lisbon")[0] == (
        "2026-10-26 01:30+0000"
    )


def test_a_recurring_time_comes_as_often_as_the_clocks_show_it() -> None:
    repeated = ticks_after("2026-10-25 01:10+01:00", "*/30 * * * *", timezone="Europe/Lisbon")
    skipped = ticks_after("2026-03-29 00:10+00:00", "*/30 * * * *", timezone="Europe/Lisbon")
    assert repeated == [
        "2026-10-25 01:30+0100",
        "2026-10-25 01:00+0000",
        "2026-10-25 01:30+0000",
    ]
    assert skipped == [
        "2026-03-29 00:30+0000",
        "2026-03-29 02:00+0100",
        "2026-03-29 02:30+0100",
    ]


def test_clocks_that_change_by_half_an_hour() -> None:
    # Given Lord Howe Island: 02:00 becomes 01:30 on 5 April 2026, 02:30 on 4 October
    autumn = ticks_after("2026-04-04 14:25+00:00", "*/20 1-2 * * *", timezone="Australia/Lord_Howe")
    spring = ticks_after("2026-10-03 23:00", "*/20 2 * * *", timezone="Australia/Lord_Howe")
    assert autumn == [
        "2026-04-05 01:40+1100",
        "2026-04-05 01:40+1030",
        "2026-04-05 02:00+1030",
    ]
    assert spring == [
        "2026-10-04 02:40+1100",
        "2026-10-05 02:00+1100",
        "2026-10-05 02:20+1100",
    ]


def test_clocks_that_change_at_midnight() -> None:
    # Given Beirut, where 29 March 2026 begins at 01:00
    assert ticks_after("2026-03-28 12:00", "0 0 * * *", timezone="Asia/Beirut", count=2) == [
        "2026-03-29 01:00+0300",
        "2026-03-30 00:00+0300",
    ]


def test_a_day_that_a_country_leaves_out() -> None:
    # Given Samoa, where 30 December 2011 did not exist
    assert ticks_after("2011-12-29 10:00", "0 12 * * *", timezone="Pacific/Apia") == [
        "2011-12-29 12:00-1000",
        "2011-12-31 00:00+1400",
        "2011-12-31 12:00+1400",
    ]


def test_the_time_zone_of_the_machine_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ticks_after("2026-06-10 10:00", "0 9 * * *", timezone="Asia/Tokyo")
    monkeypatch.setenv("TZ", "America/New_York")
    assert ticks_after("2026-06-10 10:00", "0 9 * * *", timezone="Asia/Tokyo") == expected


def test_periodiq_can_ask_a_schedule_what_it_asks_its_own() -> None:
    # Given a time as periodiq has it
    schedule = cron("0 9 * * sun", timezone="Europe/Lisbon")
    sunday = pendulum.datetime(2026, 3, 1, 9, 0, 30, tz="UTC")
    # Expect what its scheduler and its command line need
    assert schedule.validate(sunday)
    assert not schedule.validate(sunday.add(minutes=1))
    assert not schedule.validate(sunday.subtract(minutes=1))
    wait = schedule.next_valid_date(sunday) - sunday
    assert wait.total_seconds() == 7 * 86400 - 30
    assert str(schedule) == "0 9 * * sun (Europe/Lisbon)"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("61 * * * *", "the field minute is '61', expected numbers from 0 to 59"),
        ("*/0 * * * *", "the field minute is '*/0'"),
        ("x * * * *", "the field minute is 'x'"),
        ("0 24 * * *", "the field hour is '24', expected numbers from 0 to 23"),
        ("0 5-1 * * *", "the field hour is '5-1'"),
        ("0 0 0 * *", "the field day of month is '0', expected numbers from 1 to 31"),
        ("0 0 * 13 *", "the field month is '13', expected numbers from 1 to 12 (or jan-dec)"),
        ("0 0 * * 8", "the field day of week is '8', expected numbers from 0 to 7 (or sun-sat"),
        ("0 0 * * sat-sun", "the field day of week is 'sat-sun'"),
        ("0 0 * * sunday", "the field day of week is 'sunday'"),
        ("* * * *", "expected 5 fields (minute, hour, day of month, month, day of week), got 4"),
        ("0 * * * * *", "got 6"),
        ("", "got 0"),
        ("@reboot", "expected one of @yearly"),
        ("0 0 30 2 *", "the day of month '30' never comes in month '2'"),
        ("0 0 31 4,6 *", "the day of month '31' never comes in month '4,6'"),
    ],
)
def test_a_wrong_expression_fails_at_once_and_names_the_field(spec: str, message: str) -> None:
    with pytest.raises(InvalidSchedule) as error:
        cron(spec)
    assert message in str(error.value)
    assert repr(spec) in str(error.value)


@pytest.mark.parametrize("name", ["Lisbon", "", "Europe", "/etc/localtime", "GMT+1"])
def test_an_unknown_time_zone_fails_at_once(name: str) -> None:
    with pytest.raises(InvalidSchedule, match="an IANA name is expected"):
        cron("0 0 * * *", timezone=name)
