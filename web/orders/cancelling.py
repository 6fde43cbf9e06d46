"""Cancelling an order, before or while it is served."""

from __future__ import annotations

from barback.control import cancel
from database.engine import reading, writing
from database.orders import Order, OrderState, mark_cancelled
from web.orders.placing import closed_when_unavailable, message_of


def cancel_order(order_id: str, visitor: str | None) -> bool:
    """Cancel an order of a visitor, or one that nobody has signed and of which only who placed it
    knows the id; one that has ended stays as it is.

    Returns:
      False when the visitor has no such order.

    Raises:
      BarIsClosed: When the queue cannot be reached.
    """
    with reading() as session:
        order = session.get(Order, order_id)
    if order is None or order.visitor not in (None, visitor):
        return False
    message = message_of(order)
    if message is not None and not order.is_final:
        with closed_when_unavailable() as broker:
            cancel(broker, message.options["redis_message_id"], reason="by the guest")
    # Also where there is no message any more: purged, or lost with the server's data; or not yet.
    if message is not None or order.state is OrderState.PLACING:
        with writing() as session:
            mark_cancelled(session, order_id)
    return True
