"""Who is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barback.broker import RedisBroker

#: How old a worker's sign of life may be, in milliseconds. It gives one every 3 s.
SILENCE_MS = 10_000


def live_queues(broker: RedisBroker) -> set[str]:
    """The names of the queues that a live worker consumes."""
    now: Any = broker.client.time()
    since_ms = now[0] * 1000 + now[1] // 1000 - SILENCE_MS
    consumers: Any = broker.client.zrangebyscore(broker.worker_keys.signs, since_ms, "+inf")
    return {name.decode().split(":", 1)[1] for name in consumers}
