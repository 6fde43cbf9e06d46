"""When a standing order runs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from barback.cron import cron
from menu import DRINKS
from timezones import find_timezone
from translations import gettext as _

if TYPE_CHECKING:
    from database.standing_orders import StandingOrder


class Unrunnable(Exception):  # noqa: N818 - it is the row's fault, not the program's
    """A row that no scheduler of this version and machine can run. It is passed over."""


def next_run(order: StandingOrder, after: dt.datetime) -> dt.datetime | None:
    """The first run of a standing order later than a time, in UTC; None when it has no more.

    Raises:
      Unrunnable: Says what is wrong with the row.
    """
    try:
        run = _next_run(order, after)
        find_timezone(order.timezone)
        if run is not None and run.year == dt.MAXYEAR:
            # Some time zones are past what Python can say by then, and no time is later.
            raise OverflowError("its next run is in the year 9999 or never")
    except (ValueError, LookupError, ArithmeticError) as error:
        raise Unrunnable(str(error)) from None
    if order.drink not in DRINKS:
        raise Unrunnable(_("the menu has no %(drink)s", drink=repr(order.drink)))
    return run


def _next_run(order: StandingOrder, after: dt.datetime) -> dt.datetime | None:
    if order.cron is not None:
        return cron(order.cron, timezone=order.timezone).next_after(after).astimezone(dt.UTC)
    if order.every_seconds is not None:
        return _next_of_interval(order.created_at, order.every_seconds, after)
    return order.at if order.at is not None and order.at > after else None


def _next_of_interval(start: dt.datetime, every_seconds: int, after: dt.datetime) -> dt.datetime:
    # Counted from the start, so that each scheduler process comes to the same times.
    every = dt.timedelta(seconds=every_seconds)
    if every <= dt.timedelta():
        raise ValueError(f"every {every_seconds} s is no interval")
    return start + (max(after - start, dt.timedelta()) // every + 1) * every


def in_zone(order: StandingOrder, moment: dt.datetime) -> dt.datetime:
    """A time as the clocks of the order's time zone show it; UTC where that zone is unknown."""
    try:
        return moment.astimezone(find_timezone(order.timezone))
    except (ValueError, OverflowError):
        return moment
