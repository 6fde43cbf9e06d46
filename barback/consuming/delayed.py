"""Moves delayed messages to their queues when they are due."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import redis
from dramatiq.logging import get_logger

from barback.compat.delayed import adopt_delayed
from barback.connection.outage import Outage
from barback.errors import UnsuitableServer, is_about_data
from barback.store.checks import check_store

if TYPE_CHECKING:
    from barback.store.store import Store

#: How many messages are moved in one step. More would keep Redis from its other clients.
BATCH_SIZE = 200

#: How often to look for due messages where nothing gives a reason to, in seconds. A worker that
#: knows of the next due time may have died, and stock producers do not wake anybody.
LOOK_SECONDS = 10.0

#: How long Redis may be late with an answer before the connection counts as dead, in seconds.
GRACE_SECONDS = 5.0

#: How long a step may take, in seconds: it bounds how long a worker takes to stop.
MAX_STEP_SECONDS = 0.2


class DelayedMessages:
    """A thread that waits for the next due time of any queue, by its own clock, or for the token
    that :file:`delay.lua` puts on a list when a message became the first one due. How late that is,
    the server's clock decides.

    Parameters:
      store: Where the queues are.
      worker_id: The worker.
      queue_name: One of the queues; all are of the same shard.
    """

    def __init__(self, store: Store, worker_id: str, queue_name: str) -> None:
        self.logger = get_logger(__name__, type(self))
        self._store = store
        self._connection = store.connection(queue_name, name=f"barback-delayed:{worker_id}")
        self._outage = Outage(
            self.logger, "the delayed messages", silence=store.silence(queue_name)
        )
        #: When to look at each queue, on the monotonic clock; changed by adding and removing.
        self._look_at: dict[str, float] = {}
        self._queues_changed = False
        #: Those of them of which Redis refuses to move anything, which is said once.
        self._left_out: set[str] = set()
        self._is_waiting = False
        self._overdue_at = 0.0
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(self, queue_name: str) -> None:
        """Begin to look after a queue. The thread starts with the first one."""
        with self._lock:
            self._look_at = {**self._look_at, queue_name: 0.0}
            self._queues_changed = True
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="barback-delayed", daemon=True
                )
                self._thread.start()

    def remove(self, queue_name: str) -> None:
        """Look after a queue no more, and wake another worker: it may be that only this one knew
        of the next due time.
        """
        with self._lock:
            self._look_at = {k: v for k, v in self._look_at.items() if k != queue_name}
            self._queues_changed = True
        if self._outage.is_on:  # the others look by themselves every now and then
            return
        client, keys = self._store.client, self._store.keys(queue_name)
        if client.exists(keys.due) and not client.exists(keys.delay_changed):
            client.rpush(keys.delay_changed, 1)

    def begin_stop(self) -> None:
        """Have the thread end soon."""
        self._is_stopping = True

    def stop(self) -> None:
        """End the thread."""
        self.begin_stop()
        if self._thread is not None:
            self._thread.join(timeout=2 * MAX_STEP_SECONDS)

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                if self._outage.is_on:
                    self._outage.wait()
                    check_store(self._store)
                self._step()
                self._outage.end()
            except (redis.RedisError, UnsuitableServer, OSError) as error:
                self._break_off(error)
            except Exception as error:
                self.logger.exception("Looking after delayed messages failed.")
                self._break_off(error)
        self._connection.close()

    def _step(self) -> None:
        queues = self._look_at
        now = time.monotonic()
        due = [name for name, look_at in queues.items() if look_at <= now]
        if due:
            self._look(due)
        if not queues:
            time.sleep(MAX_STEP_SECONDS / 10)
            return
        self._wait(min(self._look_at.values(), default=now))

    def _look(self, queue_names: list[str]) -> None:
        """Move what is due, and find out when to look again."""
        try:
            for name, (wait_ms, left_by_stock) in self._store.next_due_ms(queue_names).items():
                wait_seconds = LOOK_SECONDS if wait_ms < 0 else min(wait_ms / 1000, LOOK_SECONDS)
                if left_by_stock:
                    adopt_delayed(self._store, name)
                    wait_seconds = 0
                if wait_ms == 0:
                    moved = self._store.calls(name).promote(BATCH_SIZE)
                    self.logger.debug("Moved %d due messages to queue %r.", moved, name)
                self._look_again(name, wait_seconds)
                self._left_out.discard(name)
        except redis.ResponseError as error:
            if not is_about_data(error):
                raise
            if len(queue_names) == 1:
                self._leave_out(queue_names[0], error)
                return
            for name in queue_names:  # what is wrong with one is no reason to leave out the others
                self._look([name])

    def _look_again(self, queue_name: str, wait_seconds: float) -> None:
        with self._lock:
            if queue_name in self._look_at:
                self._look_at[queue_name] = time.monotonic() + wait_seconds

    def _leave_out(self, queue_name: str, error: Exception) -> None:
        self._look_again(queue_name, LOOK_SECONDS)
        if queue_name not in self._left_out:
            self._left_out.add(queue_name)
            self.logger.error(
                "The delayed messages of queue %r wait. Looking again every %d s. Reason: %s",
                queue_name,
                LOOK_SECONDS,
                error,
            )

    def _wait(self, until: float) -> None:
        if self._queues_changed:
            self._wait_for_others()
            return
        if not self._is_waiting:
            keys = [self._store.keys(name).delay_changed for name in self._look_at]
            self._connection.send(("BLPOP", *keys, 2 * LOOK_SECONDS))
            self._is_waiting = True
            self._overdue_at = time.monotonic() + 2 * LOOK_SECONDS + GRACE_SECONDS
        patience_seconds = min(MAX_STEP_SECONDS, max(0.0, until - time.monotonic()))
        if self._connection.can_read(patience_seconds):
            self._is_waiting = False
            answer = self._connection.read()
            if answer is not None:
                self._look_soon(answer[0].decode())
        elif time.monotonic() > self._overdue_at or self._connection.is_doubtful:
            raise redis.ConnectionError("the connection seems to be dead")

    def _wait_for_others(self) -> None:
        """The queues have changed: break off the wait, and look at all before the next one."""
        self._queues_changed = False
        self._connection.close()
        self._is_waiting = False
        with self._lock:
            self._look_at = dict.fromkeys(self._look_at, 0.0)

    def _look_soon(self, key: str) -> None:
        with self._lock:
            for name in self._look_at:
                if self._store.keys(name).delay_changed == key:
                    self._look_at[name] = 0.0

    def _break_off(self, error: Exception) -> None:
        self._wait_for_others()
        self._outage.report(error)
