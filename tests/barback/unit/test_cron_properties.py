"""Our cron against two others, over years and over all the clock changes of all time zones.

The others are croniter and cron-converter, which share no code with cronsim. They are trusted
with wall-clock times only. What a wall-clock time is worth where clocks change is worked out
below by walking through a zone's minutes one by one.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cron_converter import Cron
from croniter import croniter
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from barback.cron import cron
from barback.cron.fields import MACROS

if TYPE_CHECKING:
    from collections.abc import Iterator

MINUTE = dt.timedelta(minutes=1)
ZONES = sorted(available_timezones())

#: Without the explanation of a failure, which takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


@st.composite
def fields(draw: st.DrawFn, lowest: int, highest: int) -> str:
    """A field: a star, a step, or a list of numbers, ranges and stepped ranges."""

    def term() -> str:
        # No 3-3: croniter takes it for all the way round, cron-converter for an error.
        first = draw(st.integers(lowest, highest - 1))
        last = draw(st.integers(first + 1, highest))
        step = draw(st.integers(2, 12))
        return draw(st.sampled_from([f"{first}", f"{first}-{last}", f"{first}-{last}/{step}"]))

    match draw(st.sampled_from(["star", "star", "step", "list"])):
        case "star":
            return "*"
        case "step":
            return f"*/{draw(st.integers(1, 12))}"
        case _:
            return ",".join(term() for _ in range(draw(st.integers(1, 3))))


@st.composite
def specs(draw: st.DrawFn) -> str:
    minute, hour = draw(fields(0, 59)), draw(fields(0, 23))
    # Days that every month has: whether the 31st of February is an error is tested elsewhere.
    day, month = draw(fields(1, 28)), draw(fields(1, 12))
    weekday = draw(fields(0, 6) | st.sampled_from(["7", "sun", "mon-fri", "sat,sun", "5-7", "0-6"]))
    # All agree on what two restricted day fields mean, unless one is a step: then Debian's cron
    # asks for both, and others for either.
    if weekday != "*" and day != "*":
        day = "*"
    return f"{minute} {hour} {day} {month} {weekday}"


moments = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2080, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(second=0, microsecond=0)
)


def ours(spec: str, wall: dt.datetime) -> Iterator[dt.datetime]:
    schedule = cron(spec)
    tick = wall.replace(tzinfo=dt.UTC)
    while True:
        tick = schedule.next_after(tick)
        yield tick.replace(tzinfo=None)


def of_croniter(spec: str, wall: dt.datetime) -> Iterator[dt.datetime]:
    return croniter(spec, wall, ret_type=dt.datetime)  # type: ignore[no-any-return]


def of_cron_converter(spec: str, wall: dt.datetime) -> Iterator[dt.datetime]:
    return Cron(spec).schedule(wall)


@settings(max_examples=60, deadline=None, phases=PHASES)
@given(spec=specs(), wall=moments)
def test_two_other_implementations_agree_on_the_calendar(spec: str, wall: dt.datetime) -> None:
    expected = list(itertools.islice(ours(spec, wall), 20))
    assert list(itertools.islice(of_croniter(spec, wall), 20)) == expected, spec
    assert list(itertools.islice(of_cron_converter(spec, wall), 20)) == expected, spec


@pytest.mark.parametrize(
    "spec",
    [
        *sorted(set(MACROS.values()) - {"0 * * * *"}),
        "0 0 29 2 *",
        "30 6 31 * *",
        "0 9 * * mon-fri",
        "15 3 1,15 */3 *",
    ],
)
def test_two_other_implementations_agree_over_twelve_years(spec: str) -> None:
    start = dt.datetime(2023, 12, 31, 23, 59)  # noqa: DTZ001
    end = dt.datetime(2036, 1, 1)  # noqa: DTZ001
    expected = list(itertools.takewhile(end.__gt__, ours(spec, start)))
    assert list(itertools.takewhile(end.__gt__, of_croniter(spec, start))) == expected
    # cron-converter is slow: a few hundred ticks of it must do.
    count = min(len(expected), 300)
    assert list(itertools.islice(of_cron_converter(spec, start), count)) == expected[:count]


@pytest.mark.slow
@settings(max_examples=40, deadline=None, phases=PHASES)
@given(
    spec=specs(),
    zone_name=st.sampled_from(ZONES),
    year=st.integers(1973, 2037),  # before, some offsets had seconds
    choice=st.integers(0, 9),
)
def test_clock_changes_of_all_zones(spec: str, zone_name: str, year: int, choice: int) -> None:
    # Given three days around a clock change, if the zone had one that year
    changes = clock_changes(zone_name, year)
    start = changes[choice % len(changes)] - dt.timedelta(days=1)
    end = start + dt.timedelta(days=3)
    # When all is worked out minute by minute, with the wall-clock times of another implementation
    expected = walk(spec, ZoneInfo(zone_name), start, end)
    # Expect the same of ours
    assert [
        tick.astimezone(dt.UTC) for tick in cron(spec, timezone=zone_name).between(start, end)
    ] == expected, (spec, zone_name, start)


@functools.cache
def clock_changes(zone_name: str, year: int) -> list[dt.datetime]:
    """The times, to three hours, at which a zone's clocks change; New Year where they never do."""
    zone = ZoneInfo(zone_name)
    times = [
        dt.datetime(year, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=3 * n) for n in range(2_920)
    ]
    offsets = [time.astimezone(zone).utcoffset() for time in times]
    changes = [
        time
        for time, before, after in zip(times, offsets, offsets[1:], strict=False)
        if before != after
    ]
    return changes or times[:1]


def walk(spec: str, zone: ZoneInfo, start: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    minute, hour, *_ = spec.split()
    is_fixed = not minute.startswith("*") and not hour.startswith("*")
    wanted = wanted_walls(spec, zone, start, end)
    shown = wall_at(start, zone)
    seen: set[dt.datetime] = set()
    ticks = []
    for number in range(1, (end - start) // MINUTE + 1):
        now = start + number * MINUTE
        wall = wall_at(now, zone)
        skipped = shown + MINUTE < wall and any(shown < missing < wall for missing in wanted)
        if is_fixed and (skipped or (wall in wanted and wall not in seen)):
            ticks.append(now)
        if not is_fixed and wall in wanted:
            ticks.append(now)
        seen |= {wall}
        shown = wall
    return ticks


def wanted_walls(
    spec: str, zone: ZoneInfo, start: dt.datetime, end: dt.datetime
) -> set[dt.datetime]:
    first = wall_at(start, zone) - dt.timedelta(days=2)
    last = wall_at(end, zone) + dt.timedelta(days=2)
    return set(itertools.takewhile(last.__ge__, of_croniter(spec, first)))


def wall_at(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)
