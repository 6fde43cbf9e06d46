"""Actors whose messages share a limit of one at a time for each key, and messages that are
remembered, on Barback; and what stock Dramatiq has for limits.
"""

from __future__ import annotations

import os
from typing import Any

import dramatiq
from dramatiq.rate_limits import ConcurrentRateLimiter
from dramatiq.rate_limits.backends import RedisBackend

from benchmarks.harness.recorder import run_task

#: How many keys the messages have.
KEYS = 100

#: How long a message of stock waits that has found no room, in milliseconds. By default it would be
#: 15 s and more.
STOCK_BACKOFF_MS = 100

Actor = dramatiq.Actor[..., Any]


def choices(broker: Any) -> dict[str, list[Actor]]:
    """What ``BENCHMARK_CONTROL`` asks for: actors of the first queue, by what parts call them."""
    wanted = os.environ.get("BENCHMARK_CONTROL")
    if wanted == "limits":
        make = _limited if os.environ["BENCHMARK_BROKER"] == "barback" else _stock_limited
        return {"keys": [make(broker, "keys")], "busy": [make(broker, "busy")]}
    if wanted == "remember":
        from barback.control import Control  # noqa: PLC0415 - stock's environment has none

        broker.add_middleware(Control(remember_seconds=3600, remember_count=1_000_000))
    return {}


def _key(name: str, message_id: int) -> str:
    return f"{name}-{message_id % KEYS if name == 'keys' else ''}"


def _limited(broker: Any, name: str) -> Actor:
    from barback.control import Control, Limit  # noqa: PLC0415 - see above

    if not any(isinstance(each, Control) for each in broker.middleware):
        broker.add_middleware(Control())
    limit = Limit(lambda message_id, *_: _key(name, message_id), at_once=1)
    return dramatiq.actor(actor_name=name, queue_name="queue-0", limit=limit)(run_task)


def _stock_limited(broker: Any, name: str) -> Actor:
    backend = RedisBackend(client=broker.client)

    def run_when_there_is_room(message_id: int, sent_ns: int, seconds: float = 0.0) -> None:
        with ConcurrentRateLimiter(backend, _key(name, message_id), limit=1).acquire():
            run_task(message_id, sent_ns, seconds)

    decorate = dramatiq.actor(
        actor_name=name,
        queue_name="queue-0",
        max_retries=None,
        min_backoff=STOCK_BACKOFF_MS,
        max_backoff=STOCK_BACKOFF_MS,
    )
    return decorate(run_when_there_is_room)
