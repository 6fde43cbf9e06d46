"""Who is at work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from barback.broker import RedisBroker

#: A worker that was not heard of for so long is taken for dead, in milliseconds.
HEARTBEAT_TIMEOUT_MS = 5_000


def live_queues(broker: RedisBroker) -> set[str]:
    """The names of the queues that a live worker consumes."""
    since_ms = time.time() * 1000 - HEARTBEAT_TIMEOUT_MS
    heard = broker.client.zrangebyscore(f"{broker.namespace}:__heartbeats__", since_ms, "+inf")
    others = set(heard) - {broker.broker_id.encode()}
    return broker.get_declared_queues() if others else set()
