"""What every drink has in common: it takes a while, and somebody hears that it is done."""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from typing import TypedDict

from dramatiq.middleware import CurrentMessage

from barback.control import Unique, check_cancelled
from barback.printable import printable
from database.engine import writing
from database.orders import mark_served, mark_serving
from database.sales import record_sale

#: A drink that fails is tried again a few times within a minute or so, not for weeks, which
#: is Dramatiq's default.
MAX_RETRIES = 3
MIN_BACKOFF_MS = 1_000
MAX_BACKOFF_MS = 30_000


#: How long nobody looks whether an order is cancelled while it is served, in seconds.
STEP_SECONDS = 0.1

#: What the id of an order ends with that a standing order has placed: the time it is due.
_DUE = re.compile(r"-\d{8}T\d{6}Z$")


def standing_order_of(order_id: str) -> str | None:
    """The standing order that has placed an order, or None."""
    found = _DUE.search(order_id)
    return order_id[: found.start()] if found else None


#: A standing order places no other one while the last still waits.
ONE_OF_A_STANDING_ORDER = Unique(key=standing_order_of, until="start", on_conflict="raise")


class Served(TypedDict):
    """The result of an order.

    ``waited_ms`` is the time in the queue, by the clocks of the producer's and the worker's
    machines; it is exact where they are the same machine.
    """

    order_id: str
    served_by: str
    waited_ms: int


def time_limit_ms(serving_seconds: float) -> int:
    """How long Dramatiq lets an actor run before it interrupts it, in milliseconds."""
    return int(serving_seconds * 2_000) + 60_000


def serve(order_id: str, *, drink: str, serving_seconds: float) -> Served:
    """Serve one drink. Serving the same order twice has the effect of serving it once."""
    logger = logging.getLogger(f"bar.{drink}")
    waited_ms = _waited_ms()
    served_by = f"{socket.gethostname()}:{os.getpid()}"
    logger.info("Serving %s for order %s.", drink, printable(order_id))
    with writing() as session:
        mark_serving(session, order_id, served_by=served_by)
    take_time(serving_seconds)
    with writing() as session:
        record_sale(session, order_id=order_id, drink=drink, served_by=served_by)
        mark_served(session, order_id, served_by=served_by)
    logger.info("Served  %s for order %s.", drink, printable(order_id))
    return Served(order_id=order_id, served_by=served_by, waited_ms=waited_ms)


def take_time(seconds: float) -> None:
    """Do what takes a while. Raises: Cancelled, soon after somebody has cancelled it."""
    deadline = time.monotonic() + seconds
    check_cancelled()
    while (seconds_left := deadline - time.monotonic()) > 0:
        time.sleep(min(seconds_left, STEP_SECONDS))
        check_cancelled()


def _waited_ms() -> int:
    message = CurrentMessage.get_current_message()
    if message is None:  # called as a plain function, not by a worker
        return 0
    return max(0, int(time.time() * 1000) - message.message_timestamp)
