"""Placing an order, once, and finding out how far it is."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.errors import DecodeError

from actors import SERVING_ACTORS
from database.engine import reading, writing
from database.orders import Order, OrderState, add_order, mark_queued
from settings import settings
from web.broker import AWAY_ERRORS, answering_broker
from web.rare_log import warn_rarely
from web.sent_once import id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barback import RedisBroker


#: How long the broker remembers that an order was enqueued, in seconds.
TOKEN_TTL_SECONDS = 86_400

#: When it is worth another try, in seconds, as a header.
RETRY_AFTER = {"Retry-After": "10"}


class BarIsFull(Exception):  # noqa: N818 - not the program's error
    """So many orders wait already that this one would wait too long. Try again later."""


class BarIsClosed(Exception):  # noqa: N818 - not the program's error
    """The queue cannot be reached. Try again later, with the same idempotency key."""


class KeyUsed(Exception):  # noqa: N818 - not the program's error
    """The idempotency key belongs to an order of another drink. Use a new key."""


def place_order(
    drink: str, *, sender: str, key: str | None = None, visitor: str | None = None
) -> Order:
    """Place an order. With the same key again, the same order is placed: once.

    Parameters:
      sender: Whose the key is: others may have the same.
      visitor: On whose page the order is shown.

    Raises:
      BarIsFull, BarIsClosed or KeyUsed.
    """
    order_id = id_of("order", sender, key or secrets.token_hex())
    with reading() as session:
        order = session.get(Order, order_id)
    if order is None or order.state is OrderState.PLACING:
        return _place(order_id, drink, visitor)
    if order.drink != drink:
        raise KeyUsed
    return order


def _place(order_id: str, drink: str, visitor: str | None) -> Order:
    actor = SERVING_ACTORS[drink]
    with closed_when_unavailable() as broker:
        length = broker.queue_length(actor.queue_name)
    if length >= settings.max_queue_length:
        warn_rarely("Refusing orders of %s: MAX_QUEUE_LENGTH orders wait already.", drink)
        raise BarIsFull
    with writing() as session:
        order = add_order(session, order_id, drink=drink, visitor=visitor)
    if order.drink != drink:
        raise KeyUsed
    # Outside of the transaction: it would keep the database waiting for the broker.
    with closed_when_unavailable() as broker:
        message = broker.enqueue_once(
            actor.message(order_id), token=f"order:{order_id}", ttl_seconds=TOKEN_TTL_SECONDS
        )
    with writing() as session:
        mark_queued(session, order_id, message=None if message is None else message.encode())
        return session.get_one(Order, order_id, populate_existing=True)


def position(order: Order) -> int | None:
    """How many orders wait before this one; None when it waits no more, or nobody knows."""
    message = message_of(order)
    if order.state is not OrderState.QUEUED or message is None:
        return None
    with contextlib.suppress(*AWAY_ERRORS), answering_broker() as broker:
        return broker.position(message)
    return None


def message_of(order: Order) -> dramatiq.Message[Any] | None:
    """The message of an order; None before it has one, and when it is of another encoding."""
    if order.message is None:
        return None
    try:
        return dramatiq.Message.decode(order.message)
    except DecodeError:
        return None


@contextlib.contextmanager
def closed_when_unavailable() -> Iterator[RedisBroker]:
    """The broker; raises BarIsClosed when what is done with it finds that it cannot be reached."""
    try:
        with answering_broker() as broker:
            yield broker
    except AWAY_ERRORS as error:
        warn_rarely("Refusing orders: the broker cannot be reached: %s.", error)
        raise BarIsClosed from error
