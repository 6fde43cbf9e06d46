"""Cron schedules that are right: every weekday spelling, months' ends, daylight-saving changes.

``cron("0 4 * * *", timezone="Europe/Lisbon")`` is what ``periodiq`` takes as the ``periodic``
option of an actor. Field syntax and calendar arithmetic are `cronsim`_'s, on wall-clock times
without a time zone; this module decides what a wall-clock time means in a zone whose clocks
change.

The day the clocks change, a schedule does what Debian's cron does:

- *Fixed times* (neither the minute nor the hour field begins with ``*``) happen once a day. A time
  that the clocks skip happens at the first minute after the gap; one that they repeat happens the
  first time.
- *Recurring times* (``*/15 * * * *``) happen at each minute that the clocks really show, so that
  a skipped hour has none and a repeated hour has them twice.

.. _cronsim: https://github.com/cuu508/cronsim
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from barback.cron.fields import five_fields, wrong_field

if TYPE_CHECKING:
    from collections.abc import Iterator

#: No clock change of this century repeats more wall-clock time than this.
_LONGEST_REPEAT = dt.timedelta(hours=3)

_MINUTE = dt.timedelta(minutes=1)
_SECOND = dt.timedelta(seconds=1)


class InvalidSchedule(ValueError):  # noqa: N818 - it names what is wrong, as ValueError does not
    """A cron expression or its time zone is wrong."""


def cron(spec: str, *, timezone: str = "UTC") -> CronSchedule:
    """Read a cron expression: minute, hour, day of month, month, day of week.

    0 and 7 are Sunday. ``@yearly``, ``@annually``, ``@monthly``, ``@weekly``, ``@daily``,
    ``@midnight`` and ``@hourly`` are what they are elsewhere. The time zone is an IANA name, such
    as ``Europe/Lisbon``; the machine's own plays no part.

    Raises:
      InvalidSchedule: The message shows the field that is wrong.
    """
    return CronSchedule(spec, timezone)


def find_timezone(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
      InvalidSchedule: There is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, absolute or a directory
        raise InvalidSchedule(
            f"no time zone is called {name!r}; an IANA name is expected, such as Europe/Lisbon"
        ) from None


@dataclass(frozen=True)
class CronSchedule:
    """The minutes at which something is due. Made by :func:`cron`."""

    spec: str
    timezone: str
    _fields: str = field(init=False, repr=False, compare=False)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _is_fixed: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fields = _checked_fields(self.spec)
        minute, hour, *_ = fields
        object.__setattr__(self, "_fields", " ".join(fields))
        object.__setattr__(self, "_zone", find_timezone(self.timezone))
        object.__setattr__(self, "_is_fixed", "*" not in (minute[0], hour[0]))

    def __str__(self) -> str:
        return f"{self.spec} ({self.timezone})"

    def next_after(self, moment: dt.datetime) -> dt.datetime:
        """The first tick later than an aware time, in the schedule's time zone."""
        # Through UTC: two times of one zone compare by wall clock, which repeats itself.
        after = moment.astimezone(dt.UTC)
        tick = self._next_fixed(after) if self._is_fixed else self._next_recurring(after)
        return tick.astimezone(self._zone)

    def between(self, after: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
        """The ticks later than ``after``, up to and including ``until``."""
        tick = self.next_after(after)
        while tick.astimezone(dt.UTC) <= until:
            yield tick
            tick = self.next_after(tick)

    def validate(self, date: dt.datetime) -> bool:
        """Whether the minute of an aware time is a tick. What ``periodiq`` asks at each wake-up."""
        minute = date.astimezone(dt.UTC).replace(second=0, microsecond=0)
        return self.next_after(minute - _SECOND) == minute

    def next_valid_date(self, last: dt.datetime) -> dt.datetime:
        """What ``periodiq`` asks to know how long to sleep."""
        return self.next_after(last)

    def _next_fixed(self, after: dt.datetime) -> dt.datetime:
        walls = CronSim(self._fields, self._wall(after))
        return next(tick for tick in map(self._first_instant, walls) if tick > after)

    def _next_recurring(self, after: dt.datetime) -> dt.datetime:
        # Around the end of summer time, wall-clock times before `after`'s own come once more.
        walls = CronSim(self._fields, self._wall(after) - self._repeated_around(after))
        earliest = None
        for wall in walls:
            for instant in self._instants(wall):
                if instant > after and (earliest is None or instant < earliest):
                    earliest = instant
            if earliest is not None and earliest <= self._first_instant(wall):
                return earliest
        raise AssertionError(f"{self} has no tick after {after}")  # pragma: no cover

    def _wall(self, moment: dt.datetime) -> dt.datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None, fold=0)

    def _repeated_around(self, moment: dt.datetime) -> dt.timedelta:
        before = (moment - _LONGEST_REPEAT).astimezone(self._zone).utcoffset()
        behind = (moment + _LONGEST_REPEAT).astimezone(self._zone).utcoffset()
        assert before is not None  # noqa: S101 - aware times have an offset
        assert behind is not None  # noqa: S101
        return max(before - behind, dt.timedelta())

    def _first_instant(self, wall: dt.datetime) -> dt.datetime:
        """When the clocks show a time first or, if they skip it, when they have skipped it."""
        return next(
            instant
            for minutes in itertools.count()
            for instant in self._instants(wall + minutes * _MINUTE)
        )

    def _instants(self, wall: dt.datetime) -> list[dt.datetime]:
        """When the clocks show a time: never, once or twice."""
        candidates = [
            wall.replace(tzinfo=self._zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1)
        ]
        return sorted({instant for instant in candidates if self._wall(instant) == wall})


def _checked_fields(spec: str) -> list[str]:
    try:
        fields = five_fields(spec)
        next(CronSim(" ".join(fields), dt.datetime(2000, 1, 1)))  # noqa: DTZ001 - a wall clock
    except CronSimError:
        raise InvalidSchedule(f"cron({spec!r}): {wrong_field(fields)}") from None
    except ValueError as error:
        raise InvalidSchedule(f"cron({spec!r}): {error}") from None
    except StopIteration:
        raise InvalidSchedule(
            f"cron({spec!r}): no date matches, the day of month {fields[2]!r} never comes in "
            f"month {fields[3]!r}."
        ) from None
    return fields
