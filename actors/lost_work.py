"""Finds orders and reports whose messages are gone, so that no page waits for them.

Of what is cancelled or purged while it waits, and of what a server forgets that loses its data, no
worker hears.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, TypeVar

import dramatiq
from dramatiq.errors import DecodeError
from sqlalchemy import exists

from barback.control import find
from database.base import utc_now
from database.engine import reading, writing
from database.orders import (
    Order,
    OrderState,
    mark_cancelled,
    mark_failed,
    unfinished_orders,
)
from database.outbox import outbox
from database.reports import ReportState, active_reports, end_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from barback.store.store import HasStore

Id = TypeVar("Id")

#: What is younger may not have reached the broker yet.
MIN_AGE = dt.timedelta(minutes=2)

#: When an order is given up whose message nobody noted, so that it cannot be looked for: the broker
#: said that it was sent before. After a crash it waits, and is served; after the database was put
#: back from a copy, it was served long ago.
MAX_AGE_WITHOUT_MESSAGE = dt.timedelta(hours=1)

#: How many orders are looked for at a time, the oldest first: each takes a few milliseconds.
ORDERS_AT_MOST = 300

#: What has become of a message that no worker will hear of again. "dead": its failure could not be
#: written down when it happened.
_GONE = {"unknown", "cancelled", "dead", "expired"}


def give_up_lost_work(broker: HasStore) -> int:
    """Mark as failed, or as cancelled, what nobody will do any more.

    One that is served all the same is marked as served then.

    Returns:
      How many orders and reports those were.

    Raises:
      redis.RedisError: The broker cannot be asked.
      sqlalchemy.exc.SQLAlchemyError: The database cannot be used.
    """
    with reading() as session:
        # Before the messages: one that leaves the outbox meanwhile is found.
        is_sent = not session.scalar(exists(outbox.c.id).select())
        before = utc_now() - MIN_AGE
        reports = active_reports(session, before=before) if is_sent else []
        orders = unfinished_orders(session, before=before, limit=ORDERS_AT_MOST)
    lost_orders = list(_lost(broker, ((it.id, *_place_of(it.message)) for it in orders)))
    lost_orders += [(it.id, False) for it in orders if _is_forgotten(it)]
    lost_reports = list(_lost(broker, ((it.id, str(it.id), "reports") for it in reports)))
    if lost_orders or lost_reports:
        with writing() as session:
            for order_id, was_cancelled in lost_orders:
                (mark_cancelled if was_cancelled else mark_failed)(session, order_id)
            for report_id, was_cancelled in lost_reports:
                state = ReportState.CANCELLED if was_cancelled else ReportState.FAILED
                end_report(session, report_id, state)
    return len(lost_orders) + len(lost_reports)


def _is_forgotten(order: Order) -> bool:
    has_waited = utc_now() - order.placed_at > MAX_AGE_WITHOUT_MESSAGE
    return has_waited and order.message is None and order.state is OrderState.QUEUED


def _place_of(message: bytes | None) -> tuple[str | None, str]:
    """The id in Redis and the queue of an order's message."""
    try:
        decoded = dramatiq.Message.decode(message or b"")
    except DecodeError:
        return None, ""
    return decoded.options.get("redis_message_id"), decoded.queue_name


def _lost(
    broker: HasStore, work: Iterable[tuple[Id, str | None, str]]
) -> Iterator[tuple[Id, bool]]:
    """What is lost, and whether it was cancelled."""
    for own_id, message_id, queue_name in work:
        if message_id is None:
            continue
        # Twice: while a message is retried, it may be looked for in the wrong place.
        for _ in range(2):
            state = find(broker, message_id, queue_name=queue_name).state
            if state not in _GONE:
                break
        else:
            yield own_id, state == "cancelled"
