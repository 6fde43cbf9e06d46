"""A broker with much in it, for a board to look at."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any

import dramatiq

from barback.cron import cron
from barback.messages.codec import encode_fields
from barback.periodic.record import AnnouncedPlan, TickRecord
from barback.sending.bulk import enqueue_all

if TYPE_CHECKING:
    from barback import RedisBroker

QUEUES = ("beer", "coffee", "email", "reports", "housekeeping")

#: How many messages wait in each queue, are delayed (all of them in ``email``), and are dead (all
#: of them in ``beer``).
WAITING, DELAYED, DEAD = 2_000, 5_000, 100_000

_TRACEBACK = "Traceback (most recent call last):\n" + '  File "bar.py", line 1\n' * 20


def fill(broker: RedisBroker) -> None:
    """Put messages into five queues, dead letters of three faults, and a schedule."""
    for queue in QUEUES:
        enqueue_all(broker, (message(queue, number) for number in range(WAITING)))
    delayed = (message("email", number) for number in range(DELAYED))
    enqueue_all(broker, delayed, delay_ms=3_600_000)
    _bury_many(broker)
    nightly = AnnouncedPlan("close_the_till", "housekeeping", cron("0 4 * * *"))
    TickRecord(broker.client, broker.namespace).announce([nightly], dt.datetime.now(dt.UTC))


def message(queue: str, number: int) -> dramatiq.Message[Any]:
    return dramatiq.Message(queue, f"serve_a_{queue}", (f"order-{number}",), {}, {})


def _bury_many(broker: RedisBroker) -> None:
    """Make dead letters as workers do, but faster."""
    keys = broker.store.keys("beer")
    now_ms = int(time.time() * 1000)
    for start in range(0, DEAD, 2_000):
        numbers = range(start, start + 2_000)
        payloads: dict[Any, Any] = {f"d{number:06}": _payload(number) for number in numbers}
        details: dict[Any, Any] = {f"d{number:06}": _details(number) for number in numbers}
        with broker.client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(keys.dead, {each: now_ms - index for index, each in enumerate(payloads)})
            pipeline.hset(keys.dead_messages, mapping=payloads)
            pipeline.hset(keys.dead_details, mapping=details)
            pipeline.execute()


def _payload(number: int) -> bytes:
    return encode_fields(message("beer", number).asdict())


def _details(number: int) -> str:
    # A hundred of one fault, ten of another, the rest of a third.
    error = "no lime" if number < 100 else "ash in it" if 100 <= number < 110 else "keg is empty"
    if number == 77:
        error = "no lime, no keg"
    return json.dumps(
        {"reason": "failed", "error": error, "traceback": _TRACEBACK, "deliveries": 4}
    )
