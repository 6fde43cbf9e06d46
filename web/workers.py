"""Whether anybody is there to do the work."""

from __future__ import annotations

import threading
import time

import redis

from barback.errors import BrokerUnavailable
from barback.monitoring.workers import live_queues
from web.broker import broker

#: For how long an answer is good, in seconds. Pages that are being watched ask all the time.
TTL_SECONDS = 2.0


class _LiveQueues:
    """The queues that live workers serve, asked for every few seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._queues: set[str] | None = None

    def get(self) -> set[str] | None:
        """None when the broker does not tell."""
        with self._lock:
            if time.monotonic() - self._asked_at > TTL_SECONDS:
                try:
                    self._queues = live_queues(broker())
                except (BrokerUnavailable, redis.RedisError):
                    self._queues = None
                self._asked_at = time.monotonic()
            return self._queues


_live = _LiveQueues()


def nobody_serves(queue_name: str) -> bool:
    """Whether it is known that no worker serves a queue."""
    queues = _live.get()
    return queues is not None and queue_name not in queues
