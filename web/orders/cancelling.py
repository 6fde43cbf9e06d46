"""Cancelling an order, before or while it is served."""

from __future__ import annotations

from typing import Any

import dramatiq

from barback.control import cancel
from database.engine import reading, writing
from database.orders import Order, mark_cancelled
from web.orders.placing import closed_when_unavailable, message_of

#: How many messages are looked through for an order that was tried before, at the most.
SEARCH_AT_MOST = 10_000


def cancel_order(order_id: str, visitor: str) -> bool:
    """Cancel an order of a visitor; one that has ended stays as it is.

    Returns:
      False when the visitor has no such order.

    Raises:
      BarIsClosed: When the queue cannot be reached.
    """
    with reading() as session:
        order = session.get(Order, order_id)
    if order is None or order.visitor != visitor:
        return False
    message = message_of(order)
    if not order.is_final and message is not None and _cancel_message(message):
        with writing() as session:
            mark_cancelled(session, order_id)
    return True


def _cancel_message(message: dramatiq.Message[Any]) -> bool:
    # Once it has failed, it waits under another id, but is still the same message.
    ids = (message.options["redis_message_id"], message.message_id)
    with closed_when_unavailable() as broker:
        return any(
            cancel(broker, each, reason="by the guest", search_at_most=SEARCH_AT_MOST)
            for each in ids
        )
