"""Sales that could have been: two years of them, so that a report has something to add up."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from database.base import utc_now
from database.sales import Sale
from menu import DRINKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

DAYS = 730

#: How many rows are made and written at once.
CHUNK_ROWS = 10_000

#: How busy the bar is, from Monday to Sunday and from January to December.
_WEEKDAYS = (0.7, 0.7, 0.8, 0.9, 1.4, 1.6, 0.9)
_MONTHS = (0.8, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.2, 1.1, 1.0, 0.9, 1.1)

#: In which share of the orders a coffee is wanted, by the hour; the bar is open from 8 to 24.
_COFFEE_SHARES = (0.95,) * 6 + (0.7,) * 4 + (0.25,) * 6
_OPENING_HOUR = 8
_HOURS = (5, 8, 7, 5, 6, 6, 5, 5, 6, 8, 10, 12, 13, 12, 9, 5)


def add_demo_sales(engine: Engine, rows: int) -> Iterator[int]:
    """Add sales, the oldest first; yield how many are written after each chunk."""
    rng = random.Random()  # noqa: S311 - nothing secret
    sales = _sales(rng, rows)
    written = 0
    while chunk := list(itertools.islice(sales, CHUNK_ROWS)):
        with engine.begin() as connection:
            connection.execute(insert(Sale), chunk)
        written += len(chunk)
        yield written


def _sales(rng: random.Random, rows: int) -> Iterator[dict[str, Any]]:
    today = utc_now().date()
    days = [today - dt.timedelta(days=back) for back in range(DAYS, 0, -1)]
    weights = [_WEEKDAYS[day.weekday()] * _MONTHS[day.month - 1] for day in days]
    left, weight_left = rows, sum(weights)
    for day, weight in zip(days, weights, strict=True):
        # Of what is left, so that the sum is exact.
        count = round(left * weight / weight_left)
        left, weight_left = left - count, weight_left - weight
        for _ in range(count):
            yield _sale(rng, day)


def _sale(rng: random.Random, day: dt.date) -> dict[str, Any]:
    [hour] = rng.choices(range(len(_HOURS)), _HOURS)
    drink = "coffee" if rng.random() < _COFFEE_SHARES[hour] else "beer"
    sold_at = dt.datetime.combine(day, dt.time(_OPENING_HOUR + hour), dt.UTC)
    return {
        "order_id": f"demo-{rng.getrandbits(128):032x}",
        "drink": drink,
        "price_minor": DRINKS[drink].minor,
        "currency": DRINKS[drink].currency,
        "sold_at": sold_at + dt.timedelta(seconds=rng.randrange(3600)),
        "served_by": "demo",
    }
