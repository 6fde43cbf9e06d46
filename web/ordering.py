"""Placing an order, once, and finding out how far it is."""

from __future__ import annotations

import contextlib
import secrets
import uuid
from typing import TYPE_CHECKING, Any

import dramatiq
import redis
from dramatiq.errors import ConnectionFailed

from actors import serve_a_beer, serve_a_coffee
from database.engine import reading, writing
from database.orders import Order, OrderState, add_order, mark_queued
from settings import settings
from web.broker import broker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.serving import Served

ACTORS: dict[str, dramatiq.Actor[[str], Served]] = {
    "beer": serve_a_beer,
    "coffee": serve_a_coffee,
}

#: How long the broker remembers that an order was enqueued, in seconds.
TOKEN_TTL_SECONDS = 86_400

#: Orders with an idempotency key get an id that follows from the key.
_NAMESPACE = uuid.UUID("6f1c4a52-5b57-4c1b-9d0e-6a3d5be0a1f7")


class BarIsFull(Exception):  # noqa: N818 - not the program's error
    """So many orders wait already that this one would wait too long. Try again later."""


class BarIsClosed(Exception):  # noqa: N818 - not the program's error
    """The queue cannot be reached. Try again later, with the same idempotency key."""


class KeyUsed(Exception):  # noqa: N818 - not the program's error
    """The idempotency key belongs to an order of another drink. Use a new key."""


def place_order(drink: str, *, key: str | None = None, visitor: str | None = None) -> Order:
    """Place an order. With the same key again, the same order is placed: once.

    Raises: BarIsFull, BarIsClosed or KeyUsed.
    """
    order_id = _order_id(key, visitor)
    with reading() as session:
        order = session.get(Order, order_id)
    if order is None or order.state is OrderState.PLACING:
        return _place(order_id, drink, visitor)
    if order.drink != drink:
        raise KeyUsed
    return order


def _order_id(key: str | None, visitor: str | None) -> str:
    # A visitor's keys are the visitor's own: nobody reads another one's order by guessing.
    scope = visitor or ""
    return uuid.uuid5(_NAMESPACE, f"{scope}:{key or secrets.token_hex()}").hex


def _place(order_id: str, drink: str, visitor: str | None) -> Order:
    actor = ACTORS[drink]
    with _closed_when_unavailable():
        if broker().queue_length(actor.queue_name) >= settings.max_queue_length:
            raise BarIsFull
    with writing() as session:
        order = add_order(session, order_id, drink=drink, visitor=visitor)
    if order.drink != drink:
        raise KeyUsed
    # Outside of the transaction: it would keep the database waiting for the broker.
    with _closed_when_unavailable():
        message = broker().enqueue_once(
            actor.message(order_id), token=f"order:{order_id}", ttl_seconds=TOKEN_TTL_SECONDS
        )
    with writing() as session:
        mark_queued(session, order_id, message=None if message is None else message.encode())
        return session.get_one(Order, order_id, populate_existing=True)


def position(order: Order) -> int | None:
    """How many orders wait before this one; None when it waits no more, or nobody knows."""
    if order.state is not OrderState.QUEUED or order.message is None:
        return None
    message: dramatiq.Message[Any] = dramatiq.Message.decode(order.message)
    with contextlib.suppress(ConnectionFailed, redis.RedisError):
        return broker().position(message)
    return None


@contextlib.contextmanager
def _closed_when_unavailable() -> Iterator[None]:
    try:
        yield
    except (ConnectionFailed, redis.RedisError) as error:
        raise BarIsClosed from error
