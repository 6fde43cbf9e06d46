"""Standing orders: a drink, again and again, by a schedule of the customer's own.

Plain rows. Who can write them can order drinks, and nothing else.
"""

from __future__ import annotations

import datetime as dt
import secrets

from sqlalchemy import CheckConstraint, bindparam, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, WholeNumber, changed_rows, utc_now


class StandingOrder(Base):
    __tablename__ = "standing_orders"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: secrets.token_hex(4))
    drink: Mapped[str]
    #: Whose it is: the id in the visitor's signed cookie, the account's, or None: the operator's.
    visitor: Mapped[str | None] = mapped_column(index=True)
    #: One of these three says when: a cron expression, an interval, or a point in time.
    cron: Mapped[str | None]
    every_seconds: Mapped[int | None] = mapped_column(WholeNumber)
    at: Mapped[dt.datetime | None]
    timezone: Mapped[str]
    is_paused: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now)
    #: All runs until then were ordered, or left out for good.
    handled_until: Mapped[dt.datetime] = mapped_column(default=utc_now)
    last_ordered_at: Mapped[dt.datetime | None]

    __table_args__ = (
        CheckConstraint(
            " + ".join(
                f"CASE WHEN {column} IS NULL THEN 0 ELSE 1 END"
                for column in ("cron", "every_seconds", "at")
            )
            + " = 1",
            name="one_schedule",
        ),
    )


def all_standing_orders(session: Session) -> list[StandingOrder]:
    return list(session.scalars(select(StandingOrder).order_by(StandingOrder.created_at)))


def latest_standing_orders(session: Session, at_most: int) -> list[StandingOrder]:
    """Those that were made last, the latest first."""
    query = select(StandingOrder).order_by(StandingOrder.created_at.desc()).limit(at_most)
    return list(session.scalars(query))


def standing_orders_of(session: Session, visitor: str) -> list[StandingOrder]:
    query = select(StandingOrder).where(StandingOrder.visitor == visitor)
    return list(session.scalars(query.order_by(StandingOrder.created_at)))


def standing_order_count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(StandingOrder)) or 0


def hold_standing_order(session: Session, order_id: str) -> StandingOrder | None:
    """A standing order that nobody else changes or removes before this transaction ends; None when
    there is none, or none any more.
    """
    return session.get(StandingOrder, order_id, with_for_update=True)


def remove_standing_orders(
    session: Session, *, made_since: dt.datetime, drink: str | None = None
) -> int:
    """Remove what visitors have made since a time; return how many there were."""
    condition = [StandingOrder.visitor.is_not(None), StandingOrder.created_at >= made_since]
    if drink is not None:
        condition.append(StandingOrder.drink == drink)
    return changed_rows(session, delete(StandingOrder).where(*condition))


def give_standing_orders(session: Session, *, giver: str, taker: str) -> None:
    """Make one visitor's standing orders another's, as ``give_orders`` does with orders."""
    give = update(StandingOrder).where(StandingOrder.visitor == giver)
    session.execute(give.values(visitor=taker))


def active_standing_orders(session: Session) -> list[StandingOrder]:
    return list(session.scalars(select(StandingOrder).where(~StandingOrder.is_paused)))


def resume(order: StandingOrder) -> None:
    """Go on from now. Runs that fell into the pause are left out."""
    if order.is_paused:
        order.is_paused = False
        order.handled_until = utc_now()


def mark_ordered(session: Session, order_id: str, scheduled: dt.datetime) -> bool:
    """Note that a run was ordered; return False when somebody noted it, or a later one, before."""
    note = (
        update(StandingOrder)
        .where(StandingOrder.id == order_id, StandingOrder.handled_until < scheduled)
        .values(handled_until=scheduled, last_ordered_at=scheduled)
    )
    return changed_rows(session, note) == 1


def mark_ordered_beside(session: Session, order_id: str, moment: dt.datetime) -> None:
    """Note that somebody ordered beside the schedule, whose runs are due as before."""
    session.execute(
        update(StandingOrder).where(StandingOrder.id == order_id).values(last_ordered_at=moment)
    )


def mark_left_out(session: Session, *order_ids: str, until: dt.datetime) -> None:
    """Note that nobody will order the runs up to a time any more, of some orders at once."""
    note = (
        update(StandingOrder)
        .where(StandingOrder.id == bindparam("order_id"), StandingOrder.handled_until < until)
        .values(handled_until=until)
    )
    # In one order: two schedulers that hold a row each would wait for each other's.
    rows = [{"order_id": order_id} for order_id in sorted(order_ids)]
    session.connection().execute(note, rows)
