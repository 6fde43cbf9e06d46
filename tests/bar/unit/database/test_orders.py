from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from database.orders import (
    Order,
    OrderState,
    add_order,
    mark_failed,
    mark_queued,
    mark_served,
    mark_serving,
    orders_of,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@pytest.fixture
def order(session: Session) -> Order:
    return add_order(session, "order-1", drink="beer", visitor="ada")


def test_an_order_that_is_placed_twice_is_one_order(session: Session, order: Order) -> None:
    again = add_order(session, order.id, drink="coffee", visitor="ada")
    assert again is order
    assert orders_of(session, "ada") == [order]
    assert order.drink == "beer"


def test_a_worker_may_be_quicker_than_the_website(session: Session, order: Order) -> None:
    # Given an order that was served before the website heard that it is queued
    mark_serving(session, order.id, served_by="bar:1")
    mark_served(session, order.id, served_by="bar:1")

    # When the website hears it
    mark_queued(session, order.id, message=b"{}")

    # Expect the order to remain served
    session.refresh(order)
    assert order.state is OrderState.SERVED


@pytest.mark.parametrize("late", ["serving", "failed"])
def test_what_comes_late_does_not_undo_that_an_order_is_served(
    session: Session, order: Order, late: str
) -> None:
    mark_served(session, order.id, served_by="bar:1")
    if late == "serving":
        mark_serving(session, order.id, served_by="bar:2")
    else:
        mark_failed(session, order.id)
    session.refresh(order)
    assert (order.state, order.served_by) == (OrderState.SERVED, "bar:1")


def test_an_order_that_failed_can_still_be_served(session: Session, order: Order) -> None:
    # Given an order that was given up, and put back into the queue by hand
    mark_failed(session, order.id)
    mark_serving(session, order.id, served_by="bar:1")
    mark_served(session, order.id, served_by="bar:1")

    # Expect it to be served
    session.refresh(order)
    assert order.state is OrderState.SERVED


def test_orders_of_the_producer_are_nobodys_on_the_website(session: Session) -> None:
    mark_serving(session, "unknown", served_by="bar:1")
    mark_served(session, "unknown", served_by="bar:1")
    assert session.get(Order, "unknown") is None


def test_a_visitor_sees_no_order_of_another(session: Session, order: Order) -> None:
    add_order(session, "order-2", drink="beer", visitor="bob")
    assert [mine.id for mine in orders_of(session, "ada")] == [order.id]
