"""Waits, for all queues of a process at once, for messages to arrive on empty ones."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import redis
from dramatiq.logging import get_logger

from barback.connection.outage import Outage
from barback.consuming.line import WAIT_GRACE_SECONDS, WAIT_SECONDS

if TYPE_CHECKING:
    from barback.store.store import Store

#: How often the thread looks whether it is to stop, in seconds.
STEP_SECONDS = 0.2


class Doorbell:
    """A thread with the one blocked connection of a worker that serves several queues.

    Parameters:
      store: Where the bell is.
      worker_id: The worker.
    """

    def __init__(self, store: Store, worker_id: str) -> None:
        self.logger = get_logger(__name__, type(self))
        self.key = store.fleet_keys.bell(worker_id)
        self._store = store
        self._connection = store.connection("", name=f"barback-bell:{worker_id}")
        self._outage = Outage(self.logger, "the wake-ups of this worker", silence=store.silence(""))
        #: By the key of the queue's waiting workers, which is what a ring says.
        self._rung: dict[bytes, threading.Event] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._is_stopping = False

    def event_for(self, queue_name: str) -> threading.Event:
        """The event that is set when the bell rings for a queue. The thread starts with the first
        queue.
        """
        event = self._rung.setdefault(
            self._store.keys(queue_name).waiting.encode(), threading.Event()
        )
        with self._lock:
            if self._thread is None and not self._is_stopping:
                self._thread = threading.Thread(target=self._run, name="barback-bell", daemon=True)
                self._thread.start()
        return event

    def ring_all(self) -> None:
        """Have every consumer look."""
        for event in list(self._rung.values()):
            event.set()

    def begin_stop(self) -> None:
        """Have the thread end soon, and every consumer look."""
        self._is_stopping = True
        self.ring_all()

    def stop(self) -> None:
        """End the thread."""
        self.begin_stop()
        if self._thread is not None:
            self._thread.join(timeout=2 * STEP_SECONDS)

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._wait_once()
            except (redis.RedisError, OSError) as error:
                self._break_off(error)
            except Exception as error:
                self.logger.exception("Waiting for wake-ups failed.")
                self._break_off(error)
        self._connection.close()

    def _wait_once(self) -> None:
        self._connection.send(("BLPOP", self.key, WAIT_SECONDS))
        overdue_at = time.monotonic() + WAIT_SECONDS + WAIT_GRACE_SECONDS
        while not self._connection.can_read(STEP_SECONDS):
            self._go_on()  # a server that connects, and refuses to wait, says so at once
            if self._is_stopping:
                return
            if time.monotonic() > overdue_at or self._connection.is_doubtful:
                raise redis.ConnectionError("the connection seems to be dead")
        answer = self._connection.read()
        self._go_on()
        if answer is not None and answer[1] in self._rung:
            self._rung[answer[1]].set()

    def _go_on(self) -> None:
        if self._outage.is_on:
            self._outage.end()
            self.ring_all()  # rings may have been lost

    def _break_off(self, error: Exception) -> None:
        self._connection.close()
        self._outage.report(error)
        self._outage.wait()
