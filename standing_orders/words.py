"""Schedules and times in people's words."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from standing_orders.timing import in_zone

if TYPE_CHECKING:
    from database.standing_orders import StandingOrder

_UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}


def schedule_in_words(order: StandingOrder) -> str:
    if order.cron is not None:
        return f"{order.cron} ({order.timezone})"
    if order.every_seconds is not None:
        return f"every {duration_in_words(dt.timedelta(seconds=order.every_seconds))}"
    return "once"


def run_in_words(order: StandingOrder, run: dt.datetime, now: dt.datetime) -> str:
    """``in 3 h 20 min, Mon 8 Mar 08:00 WET``, in the order's time zone."""
    return f"in {duration_in_words(run - now)}, {time_in_words(order, run, now)}"


def time_in_words(order: StandingOrder, moment: dt.datetime, now: dt.datetime) -> str:
    """``Mon 8 Mar 08:00 WET``, with the year unless it is this one."""
    local = in_zone(order, moment)
    year = "" if local.year == in_zone(order, now).year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M %Z}"


def duration_in_words(duration: dt.timedelta) -> str:
    """The two largest units of a duration: ``2 d 3 h``, ``45 s``."""
    rest = max(1, round(duration.total_seconds()))
    parts: list[str] = []
    for unit, seconds in _UNITS.items():
        count, rest = divmod(rest, seconds)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part)
