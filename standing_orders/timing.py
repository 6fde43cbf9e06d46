"""When a standing order runs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from barback.cron import cron

if TYPE_CHECKING:
    from database.standing_orders import StandingOrder


def next_run(order: StandingOrder, after: dt.datetime) -> dt.datetime | None:
    """The first run of a standing order later than a time, in UTC; None when it has no more."""
    if order.cron is not None:
        return cron(order.cron, timezone=order.timezone).next_after(after).astimezone(dt.UTC)
    if order.every_seconds is not None:
        return _next_of_interval(order.created_at, order.every_seconds, after)
    return order.at if order.at is not None and order.at > after else None


def _next_of_interval(start: dt.datetime, every_seconds: int, after: dt.datetime) -> dt.datetime:
    # Counted from the start, so that each scheduler process comes to the same times.
    every = dt.timedelta(seconds=every_seconds)
    return start + (max(after - start, dt.timedelta()) // every + 1) * every


def in_zone(order: StandingOrder, moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(ZoneInfo(order.timezone))
