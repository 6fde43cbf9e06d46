"""What every drink has in common: it takes a while, and somebody hears that it is done."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TypedDict

from dramatiq.middleware import CurrentMessage

from database.engine import writing
from database.orders import mark_served, mark_serving
from database.sales import record_sale

#: A drink that fails is tried again a few times within a minute or so, not for days, which is
#: Dramatiq's default.
MAX_RETRIES = 3
MIN_BACKOFF_MS = 1_000
MAX_BACKOFF_MS = 30_000


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
    logger.info("Serving %s for order %s.", drink, order_id)
    with writing() as session:
        mark_serving(session, order_id, served_by=served_by)
    time.sleep(serving_seconds)
    with writing() as session:
        record_sale(session, order_id=order_id, drink=drink, served_by=served_by)
        mark_served(session, order_id, served_by=served_by)
    logger.info("Served  %s for order %s.", drink, order_id)
    return Served(order_id=order_id, served_by=served_by, waited_ms=waited_ms)


def _waited_ms() -> int:
    message = CurrentMessage.get_current_message()
    if message is None:  # called as a plain function, not by a worker
        return 0
    return max(0, int(time.time() * 1000) - message.message_timestamp)
