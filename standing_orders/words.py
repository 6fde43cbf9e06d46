"""Schedules and times in people's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from barback.i18n import formats
from standing_orders.reading import DAYS
from standing_orders.timing import in_zone
from translations import gettext as _

if TYPE_CHECKING:
    import datetime as dt

    from database.standing_orders import StandingOrder


#: A time on some days of the week, which is said in words; other cron expressions stay as they are.
_DAY = f"(?:{'|'.join(DAYS)})"
_RANGE = f"{_DAY}(?:-{_DAY})?"
_WEEKLY = re.compile(rf"(\d\d?) (\d\d?) \* \* (\*|{_RANGE}(?:,{_RANGE})*)", re.ASCII)


def schedule_in_words(order: StandingOrder) -> str:
    if order.cron is not None:
        return _(
            "%(schedule)s (%(timezone)s)",
            schedule=_cron_in_words(order.cron),
            timezone=order.timezone,
        )
    if order.every_seconds is not None:
        return _("every %(duration)s", duration=formats.duration(order.every_seconds))
    return _("once")


def _cron_in_words(cron: str) -> str:
    weekly = _WEEKLY.fullmatch(cron.lower())
    if weekly is None:
        return cron
    minute, hour, days = weekly.groups()
    time = f"{int(hour):02}:{int(minute):02}"
    return _("%(days)s at %(time)s", days=_days_in_words(days), time=time)


def _days_in_words(days: str) -> str:
    if days == "*":
        return _("every day")
    return _(", ").join(_range_in_words(part) for part in days.split(","))


def _range_in_words(days: str) -> str:
    names = [formats.weekday(DAYS.index(day)) for day in days.split("-")]
    if len(names) == 1:
        return names[0]
    first, last = names
    return _("%(first)s–%(last)s", first=first, last=last)  # noqa: RUF001 - from … to


def last_in_words(order: StandingOrder, now: dt.datetime) -> str:
    if order.last_ordered_at is None:
        return _("not yet")
    return time_in_words(order, order.last_ordered_at, now)


def run_in_words(order: StandingOrder, run: dt.datetime, now: dt.datetime) -> str:
    """``in 3 h 20 min, Mon 8 Mar 08:00 WET``, in the order's time zone."""
    return _(
        "in %(duration)s, %(time)s",
        duration=formats.duration((run - now).total_seconds()),
        time=time_in_words(order, run, now),
    )


def time_in_words(order: StandingOrder, moment: dt.datetime, now: dt.datetime) -> str:
    """``Mon 8 Mar 08:00 WET``, with the year unless it is this one."""
    local = in_zone(order, moment)
    is_this_year = local.year == in_zone(order, now).year
    day = formats.by_skeleton(local, "MMMEd" if is_this_year else "yMMMEd")
    return f"{day} {local:%H:%M %Z}"
