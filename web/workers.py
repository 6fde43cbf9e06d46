"""Whether anybody is there to do the work."""

from __future__ import annotations

import threading
import time

from barback.control import paused
from barback.monitoring.workers import live_queues
from web.broker import AWAY_ERRORS, answering_broker

#: For how long an answer is good, in seconds. Pages that are being watched ask all the time.
TTL_SECONDS = 2.0


class _LiveQueues:
    """The queues that live workers serve and nobody holds back, asked for every few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._queues: set[str] | None = None

    def get(self) -> set[str] | None:
        """None when the broker does not tell."""
        # While one asks, the others do with what was known before.
        if time.monotonic() - self._asked_at > TTL_SECONDS and self._lock.acquire(blocking=False):
            try:
                with answering_broker() as broker:
                    self._queues = live_queues(broker) - paused(broker).keys()
            except AWAY_ERRORS:
                self._queues = None
            finally:
                self._asked_at = time.monotonic()
                self._lock.release()
        return self._queues


_live = _LiveQueues()


def nobody_serves(queue_name: str) -> bool:
    """Whether it is known that no worker serves a queue, or that it is paused."""
    queues = _live.get()
    return queues is not None and queue_name not in queues
