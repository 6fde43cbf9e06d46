"""Schedules and times in people's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from barback.durations import duration_in_words
from standing_orders.timing import in_zone

if TYPE_CHECKING:
    import datetime as dt

    from database.standing_orders import StandingOrder


#: A time on some days of the week, which is said in words; other cron expressions stay as they are.
_WEEKLY = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* (\*|[a-z]{3}(?:[-,][a-z]{3})*)", re.ASCII)


def schedule_in_words(order: StandingOrder) -> str:
    if order.cron is not None:
        return f"{_cron_in_words(order.cron)} ({order.timezone})"
    if order.every_seconds is not None:
        return f"every {duration_in_words(order.every_seconds)}"
    return "once"


def _cron_in_words(cron: str) -> str:
    weekly = _WEEKLY.fullmatch(cron.lower())
    if weekly is None:
        return cron
    minute, hour, days = weekly.groups()
    words = days.title().replace("-", "–").replace(",", ", ")  # noqa: RUF001 - from … to
    return f"{'every day' if days == '*' else words} at {int(hour):02}:{int(minute):02}"


def last_in_words(order: StandingOrder, now: dt.datetime) -> str:
    if order.last_ordered_at is None:
        return "not yet"
    return time_in_words(order, order.last_ordered_at, now)


def run_in_words(order: StandingOrder, run: dt.datetime, now: dt.datetime) -> str:
    """``in 3 h 20 min, Mon 8 Mar 08:00 WET``, in the order's time zone."""
    return f"in {duration_in_words((run - now).total_seconds())}, {time_in_words(order, run, now)}"


def time_in_words(order: StandingOrder, moment: dt.datetime, now: dt.datetime) -> str:
    """``Mon 8 Mar 08:00 WET``, with the year unless it is this one."""
    local = in_zone(order, moment)
    year = "" if local.year == in_zone(order, now).year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M %Z}"
