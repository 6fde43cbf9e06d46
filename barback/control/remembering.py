"""Remembers for a while how messages have ended well."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import redis
from dramatiq.logging import get_logger

from barback.connection.outage import Outage

if TYPE_CHECKING:
    from barback.connection.script import Argument
    from barback.messages.delivery import Delivery
    from barback.store.store import Store

#: How often what has ended is written down, in seconds. A worker that is killed forgets what ended
#: since; the messages themselves have ended all the same.
WRITE_SECONDS = 0.5

#: How many are written in one step.
BATCH_SIZE = 500

#: How many of them wait to be written at the most; older ones are not remembered.
MAX_WAITING = 100_000


class Memory:
    """Collects what has ended, and writes it down in batches.

    Parameters:
      ttl_ms: How long each is remembered, in milliseconds.
      max_count: How many of a queue are remembered at the most.
    """

    def __init__(self, *, ttl_ms: int, max_count: int) -> None:
        self.logger = get_logger(__name__, type(self))
        self._ttl_ms = ttl_ms
        self._max_count = max_count
        self._outage = Outage(self.logger, "remembering how messages end")
        self._ended: deque[Delivery] = deque(maxlen=MAX_WAITING)
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(self, delivery: Delivery) -> None:
        """Remember a message that has ended well."""
        self._ended.append(delivery)
        if self._thread is None:
            self._start()

    def write(self) -> None:
        """Write down what has ended since the last time; what Redis does not take is forgotten."""
        with self._lock:
            while self._ended:
                count = min(len(self._ended), BATCH_SIZE)
                batch = [self._ended.popleft() for _ in range(count)]
                try:
                    self._write(batch)
                except redis.RedisError as error:
                    self._outage.report(error)
                else:
                    self._outage.end()

    def _write(self, batch: list[Delivery]) -> None:
        batch.sort(key=_place)
        for (_, queue_name), deliveries in groupby(batch, _place):
            args: list[Argument] = []
            for delivery in deliveries:
                store = cast("Store", delivery.origin)
                args += (delivery.redis_id, delivery.message_id, self._record(delivery))
            store.control_calls(queue_name).remember(
                args, ttl_ms=self._ttl_ms, max_count=self._max_count
            )

    def _record(self, delivery: Delivery) -> str:
        return json.dumps(
            {
                "state": "done",
                "message_id": delivery.message_id,
                "actor_name": delivery.actor_name,
                "worker": self._worker,
                "attempt": (delivery.options.get("retries") or 0) + 1,
                "progress": delivery.progress,
                "ttl_ms": self._ttl_ms,
            }
        )

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="barback-memory", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(WRITE_SECONDS)
            try:
                self.write()
            except Exception:
                self.logger.exception("How some messages have ended is not remembered.")


def _place(delivery: Delivery) -> tuple[int, Any]:
    return id(delivery.origin), delivery.queue_name
