from __future__ import annotations

from database.base import utc_now
from database.orders import Order, OrderState
from web.orders.api import status_of


def test_an_order_of_a_drink_that_has_left_the_menu_is_shown_without_a_price() -> None:
    order = Order(id="1", drink="tea", state=OrderState.SERVED, placed_at=utc_now())

    status = status_of(order)

    assert (status.drink, status.price) == ("tea", None)


def test_an_order_whose_message_cannot_be_read_is_shown_without_a_position() -> None:
    order = Order(
        id="1", drink="beer", state=OrderState.QUEUED, placed_at=utc_now(), message=b"\xff"
    )

    assert status_of(order).position is None
