"""Every drink that was served, once."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, insert_new, utc_now
from database.menu import MENU, Money


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
    price = MENU[drink]
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
    """Drink, how many, and their revenue on one day (UTC), summed up by the database."""
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    query = (
        select(Sale.drink, Sale.currency, func.count(), func.sum(Sale.price_minor))
        .where(Sale.sold_at >= start, Sale.sold_at < start + dt.timedelta(days=1))
        .group_by(Sale.drink, Sale.currency)
        .order_by(Sale.drink, Sale.currency)
    )
    return [
        (drink, count, Money(int(minor), currency))
        for drink, currency, count, minor in session.execute(query)
    ]
