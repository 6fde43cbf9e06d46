"""Orders placed on the website, and how far each one is.

Orders of the producer have no row here: nobody watches them on a page.
"""

from __future__ import annotations

import datetime as dt
import enum

from sqlalchemy import Index, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, insert_or_find, text_enum, utc_now


class OrderState(enum.StrEnum):
    PLACING = "placing"  # written here, not yet accepted by the broker
    QUEUED = "queued"
    SERVING = "serving"
    SERVED = "served"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: States that nothing follows.
FINAL_STATES = frozenset({OrderState.SERVED, OrderState.FAILED, OrderState.CANCELLED})


#: States in which a worker has an order to serve, or should have.
_OPEN_STATES = frozenset({OrderState.QUEUED, OrderState.SERVING})


#: States in which a worker has nothing to say any more, but that the drink is on the table.
_SETTLED_STATES = frozenset({OrderState.SERVED, OrderState.CANCELLED})


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    drink: Mapped[str]
    #: Who ordered: the id in the visitor's signed cookie, the account's, or None: a program.
    visitor: Mapped[str | None]
    state: Mapped[OrderState] = mapped_column(text_enum(OrderState))
    #: The message as the broker accepted it, to find its position in the queue.
    message: Mapped[bytes | None]
    served_by: Mapped[str | None]
    placed_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]

    __table_args__ = (Index(None, "visitor", "placed_at"),)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


def add_order(session: Session, order_id: str, *, drink: str, visitor: str | None) -> Order:
    """Write an order down; when it was written down before, return it as it is."""
    order, _ = insert_or_find(
        session,
        Order,
        select(Order).where(Order.id == order_id),
        id=order_id,
        drink=drink,
        visitor=visitor,
        state=OrderState.PLACING,
        placed_at=utc_now(),
    )
    return order


def orders_of(session: Session, visitor: str, *, limit: int = 20) -> list[Order]:
    """The visitor's latest orders, the newest first."""
    query = (
        select(Order).where(Order.visitor == visitor).order_by(Order.placed_at.desc()).limit(limit)
    )
    return list(session.scalars(query))


def unfinished_orders(session: Session, *, before: dt.datetime, limit: int) -> list[Order]:
    """Orders placed before then that the broker has accepted and that have not ended, the oldest
    first.
    """
    query = (
        select(Order)
        .where(Order.state.in_(_OPEN_STATES), Order.placed_at < before)
        .order_by(Order.placed_at)
        .limit(limit)
    )
    return list(session.scalars(query))


def give_orders(session: Session, *, giver: str, taker: str) -> None:
    """Make one visitor's orders another's: at log-in, the browser's become the account's."""
    session.execute(update(Order).where(Order.visitor == giver).values(visitor=taker))


def forget_unsent(session: Session, order_id: str) -> None:
    """Remove an order that was written down and then not sent, so that nobody waits for it."""
    session.execute(delete(Order).where(Order.id == order_id, Order.state == OrderState.PLACING))


def mark_queued(session: Session, order_id: str, *, message: bytes | None) -> None:
    if message is not None:
        session.execute(update(Order).where(Order.id == order_id).values(message=message))
    # A worker may have been quicker than this line.
    session.execute(
        update(Order)
        .where(Order.id == order_id, Order.state == OrderState.PLACING)
        .values(state=OrderState.QUEUED)
    )


def mark_serving(session: Session, order_id: str, *, served_by: str) -> None:
    session.execute(
        update(Order)
        .where(Order.id == order_id, Order.state.not_in(_SETTLED_STATES))
        .values(state=OrderState.SERVING, served_by=served_by)
    )


def mark_served(session: Session, order_id: str, *, served_by: str) -> None:
    session.execute(
        update(Order)
        .where(Order.id == order_id, Order.state != OrderState.SERVED)
        .values(state=OrderState.SERVED, served_by=served_by, finished_at=utc_now())
    )


def mark_failed(session: Session, order_id: str) -> None:
    session.execute(
        update(Order)
        .where(Order.id == order_id, Order.state.not_in(_SETTLED_STATES))
        .values(state=OrderState.FAILED, finished_at=utc_now())
    )


def mark_cancelled(session: Session, order_id: str) -> None:
    """Note that a guest does not want a drink any more. One that is served all the same, because it
    was too late, is marked as served.
    """
    session.execute(
        update(Order)
        .where(Order.id == order_id, Order.state.not_in(FINAL_STATES))
        .values(state=OrderState.CANCELLED, finished_at=utc_now())
    )
