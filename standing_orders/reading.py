"""Schedules as people write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import TypedDict
from zoneinfo import ZoneInfo

from barback.cron import InvalidSchedule, cron, find_timezone

MAX_INTERVAL = dt.timedelta(days=366)

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_INTERVAL = re.compile(r"(?:\d{1,8}[smhd])+", re.ASCII)
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
        cron(text)
        schedule["cron"] = text.strip()
    return schedule


def read_interval(text: str) -> int:
    """Read ``90m`` or ``1h30m``: from a second to a year, in seconds."""
    compact = _compact(text)
    parts = re.findall(r"(\d+)([smhd])", compact) if _INTERVAL.fullmatch(compact) else []
    seconds = sum(int(count) * _UNIT_SECONDS[unit] for count, unit in parts)
    if not 1 <= seconds <= MAX_INTERVAL.total_seconds():
        raise InvalidSchedule(
            f"expected a time such as 45s, 90m, 1h30m or 2d, from 1s to {MAX_INTERVAL.days}d, "
            f"got {text!r}."
        )
    return seconds


def read_time(text: str, timezone: str) -> dt.datetime:
    """Read ``2027-01-01 09:00``: a wall-clock time of a zone, still to come."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidSchedule(
            f"expected a time such as '2027-01-01 09:00', got {text!r}."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    if moment <= dt.datetime.now(dt.UTC):
        raise InvalidSchedule(f"{text} ({timezone}) is over.")
    return moment.astimezone(dt.UTC)


def _compact(text: str) -> str:
    return text.replace(" ", "").lower()
