"""Schedules as people write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, TypedDict

from barback.cron import InvalidSchedule, cron
from timezones import find_timezone
from translations import gettext as _

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_INTERVAL = dt.timedelta(days=366)

#: How far ahead an order can be placed, in years.
MAX_YEARS_AHEAD = 10

#: As cron names them.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_INTERVAL = re.compile(r"(?:\d{1,8}[smhd])+", re.ASCII)
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-", re.ASCII)


class Schedule(TypedDict):
    """The columns of a standing order that say when; one of them is not None."""

    cron: str | None
    every_seconds: int | None
    at: dt.datetime | None


def read_schedule(text: str, timezone: str) -> Schedule:
    """Read any of the three: ``0 8 * * mon-fri``, ``90m`` or ``2027-01-01 09:00``.

    Raises:
      InvalidSchedule: It is none of them.
    """
    find_timezone(timezone)
    schedule = Schedule(cron=None, every_seconds=None, at=None)
    if _INTERVAL.fullmatch(_compact(text)):
        schedule["every_seconds"] = read_interval(text)
    elif _DATE.match(text.strip()):
        schedule["at"] = read_time(text.strip(), timezone)
    else:
        _check_cron(text)
        schedule["cron"] = text.strip()
    return schedule


def _check_cron(text: str) -> None:
    try:
        cron(text)
    except InvalidSchedule as error:
        reason = str(error).removeprefix(f"cron({text!r}): ")
        raise InvalidSchedule(
            _(
                "This is no interval and no date, and as a cron expression it is wrong: %(reason)s",
                reason=reason,
            )
        ) from None


def read_days_and_time(days: Sequence[str], time: str) -> Schedule:
    """Read what a form with boxes for the days and a time of day sends: ``["mon"], "08:00"``.

    Raises:
      InvalidSchedule: There is no day, or no such time.
    """
    chosen = [day for day in DAYS if day in days]
    if not chosen:
        raise InvalidSchedule(_("Choose a day at least."))
    if not (match := _TIME_OF_DAY.fullmatch(time)):
        raise InvalidSchedule(_("Choose a time of day, such as 08:00."))
    hour, minute = int(match[1]), int(match[2])
    which = {DAYS: "*", DAYS[:5]: "mon-fri"}.get(tuple(chosen), ",".join(chosen))
    return Schedule(cron=f"{minute} {hour} * * {which}", every_seconds=None, at=None)


def read_interval(text: str) -> int:
    """Read ``90m`` or ``1h30m``: from a second to a year, in seconds."""
    compact = _compact(text)
    parts = re.findall(r"(\d+)([smhd])", compact) if _INTERVAL.fullmatch(compact) else []
    seconds = sum(int(count) * _UNIT_SECONDS[unit] for count, unit in parts)
    if not 1 <= seconds <= MAX_INTERVAL.total_seconds():
        raise InvalidSchedule(
            _(
                "expected a time such as 45s, 90m, 1h30m or 2d, from 1s to %(days)sd, "
                "got %(text)s.",
                days=MAX_INTERVAL.days,
                text=repr(text),
            )
        )
    return seconds


def read_time(text: str, timezone: str) -> dt.datetime:
    """Read ``2027-01-01 09:00``: a wall-clock time of a zone, within the next years."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidSchedule(
            _("expected a time such as '2027-01-01 09:00', got %(text)s.", text=repr(text))
        ) from None
    now = dt.datetime.now(dt.UTC)
    # By the year first: the ends of Python's calendar exist in some time zones only.
    if moment.year > now.year + MAX_YEARS_AHEAD:
        raise InvalidSchedule(
            _(
                "%(text)s is too far ahead: %(years)s years at most.",
                text=text,
                years=MAX_YEARS_AHEAD,
            )
        )
    if moment.year < now.year - 1:
        raise InvalidSchedule(
            _("%(time)s (%(timezone)s) is in the past.", time=text, timezone=timezone)
        )
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=find_timezone(timezone))
    if moment <= now:
        raise InvalidSchedule(
            _("%(time)s (%(timezone)s) is in the past.", time=text, timezone=timezone)
        )
    return moment.astimezone(dt.UTC)


def _compact(text: str) -> str:
    return text.replace(" ", "").lower()
