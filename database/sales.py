"""Every drink that was served, once."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, insert_new, utc_now
from menu import DRINKS, Money
from settings import settings


class Sale(Base):
    __tablename__ = "sales"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    drink: Mapped[str]
    price_minor: Mapped[int]
    currency: Mapped[str]
    sold_at: Mapped[dt.datetime] = mapped_column(index=True)
    served_by: Mapped[str]


def record_sale(session: Session, *, order_id: str, drink: str, served_by: str) -> bool:
    """Write a sale unless the order has one already; tell whether it was written."""
    price = DRINKS[drink]
    return insert_new(
        session,
        Sale,
        order_id=order_id,
        drink=drink,
        price_minor=price.minor,
        currency=price.currency,
        sold_at=utc_now(),
        served_by=served_by,
    )


def sales_of_day(session: Session, day: dt.date) -> list[tuple[str, int, Money]]:
    """Drink, how many, and their revenue on one day of the bar, summed up by the database."""
    start, end = bounds_of(day)
    query = (
        select(Sale.drink, Sale.currency, func.count(), func.sum(Sale.price_minor))
        .where(Sale.sold_at >= start, Sale.sold_at < end)
        .group_by(Sale.drink, Sale.currency)
        .order_by(Sale.drink, Sale.currency)
    )
    return [
        (drink, count, Money(int(minor), currency))
        for drink, currency, count, minor in session.execute(query)
    ]


def bounds_of(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """When a day of the bar begins and ends: 24 hours apart, except when the clocks change."""
    zone = ZoneInfo(settings.bar_timezone)
    start, end = (
        dt.datetime.combine(date, dt.time(), zone) for date in (day, day + dt.timedelta(days=1))
    )
    return start, end
