from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import select

from database.sales import Sale, record_sale, sales_of_day
from menu import DRINKS, Money

if TYPE_CHECKING:
    import pytest
    from sqlalchemy.orm import Session


def test_an_order_is_sold_once_however_often_it_is_served(session: Session) -> None:
    # When the same order is served twice
    first = record_sale(session, order_id="1", drink="beer", served_by="a")
    second = record_sale(session, order_id="1", drink="beer", served_by="b")

    # Expect one sale, by whoever was first
    assert (first, second) == (True, False)
    assert session.scalars(select(Sale.served_by)).all() == ["a"]


def test_a_sale_keeps_the_price_of_its_day(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a beer that was sold
    record_sale(session, order_id="1", drink="beer", served_by="a")
    price = DRINKS["beer"]

    # When beer becomes dearer
    monkeypatch.setitem(DRINKS, "beer", Money(price.minor + 100))

    # Expect the sale to remain as it was
    assert session.scalars(select(Sale.price_minor)).one() == price.minor


def test_a_day_begins_and_ends_at_midnight_utc(session: Session) -> None:
    # Given sales around the first of May
    for number, moment in enumerate(
        [
            dt.datetime(2026, 4, 30, 23, 59, 59, tzinfo=dt.UTC),
            dt.datetime(2026, 5, 1, 0, 0, 0, tzinfo=dt.UTC),
            dt.datetime(2026, 5, 1, 23, 59, 59, 999_999, tzinfo=dt.UTC),
            dt.datetime(2026, 5, 2, 0, 0, 0, tzinfo=dt.UTC),
        ]
    ):
        record_sale(session, order_id=str(number), drink="coffee", served_by="a")
        session.get_one(Sale, str(number)).sold_at = moment

    # Expect two of them to be of that day
    assert sales_of_day(session, dt.date(2026, 5, 1)) == [("coffee", 2, Money(500))]
