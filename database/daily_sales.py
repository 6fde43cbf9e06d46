"""What was sold on each day."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, insert_new
from database.sales import sales_of_day
from menu import Money


class Taking(Base):
    """One day's takings of one drink. A day of which nothing was sold has none."""

    __tablename__ = "takings"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    drink: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    sold: Mapped[int]
    revenue_minor: Mapped[int] = mapped_column(BigInteger)

    @property
    def revenue(self) -> Money:
        return Money(self.revenue_minor, self.currency)


def close_day(session: Session, day: dt.date) -> list[Taking]:
    """Write down what a day brought in. Closing it again changes nothing."""
    for drink, sold, revenue in sales_of_day(session, day):
        insert_new(
            session,
            Taking,
            day=day,
            drink=drink,
            currency=revenue.currency,
            sold=sold,
            revenue_minor=revenue.minor,
        )
    return takings_of(session, day)


def takings_of(session: Session, day: dt.date) -> list[Taking]:
    query = select(Taking).where(Taking.day == day).order_by(Taking.drink, Taking.currency)
    return list(session.scalars(query))
