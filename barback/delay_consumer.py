"""Moves delayed messages to their queue when they are due."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import redis
from dramatiq import Consumer
from dramatiq.common import q_name
from dramatiq.logging import get_logger

from barback import lua
from barback.errors import UnsuitableServer
from barback.link import Link
from barback.pulse import connection_name, consumer_name
from barback.server import check_server
from barback.stock_delays import adopt_delayed, release_delayed
from barback.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dramatiq import MessageProxy

    from barback.broker import RedisBroker

#: How many messages are moved in one step. More would keep Redis from its other clients.
BATCH_SIZE = 200

#: How often to look for due messages where nothing gives a reason to, in seconds. A worker that
#: knows of the next due time may have died, and stock producers do not wake anybody.
LOOK_SECONDS = 10.0

#: How long Redis may be late with an answer before the connection counts as dead, in seconds.
GRACE_SECONDS = 5.0

#: How long an iteration may take, in seconds, whatever Dramatiq allows: this bounds how long an
#: idle worker takes to stop.
MAX_STEP_SECONDS = 0.2


class DelayConsumer(Consumer):
    """Consumes a ``.DQ`` queue, of which it never delivers a message.

    Dramatiq gives every delay queue a consumer thread that keeps delayed messages in its memory
    until they are due. Here they stay in Redis, and the thread only waits: for the next due time,
    by its own clock, or for the token that :file:`delay.lua` puts on a list when a message became
    the first one due. How late that is, the server's clock decides.

    Parameters:
      broker: The broker.
      delay_queue_name: The name of the delay queue, which ends in ``.DQ``.
      timeout_ms: How long an iteration may take before it yields None, in milliseconds.
    """

    def __init__(self, broker: RedisBroker, delay_queue_name: str, timeout_ms: int) -> None:
        self.logger = get_logger(__name__, type(self))
        self.broker = broker
        self.queue_name = q_name(delay_queue_name)
        self._keys = broker.keys(self.queue_name)
        self._local = broker.local_worker
        self._timeout_seconds = min(timeout_ms / 1000, MAX_STEP_SECONDS)
        name = consumer_name(broker.broker_id, delay_queue_name)
        self._link = Link(broker.client, name=connection_name(name))
        self._trouble = Trouble(self.logger, f"the delayed messages of queue {self.queue_name!r}")
        #: Whether this consumer waits inside Redis, and when the answer is overdue.
        self._is_waiting = False
        self._overdue_at = 0.0
        self._look_at = 0.0

    def __next__(self) -> None:
        try:
            if self._trouble.is_on:
                self._trouble.wait()
                self._link.open()
                check_server(self._link)
                self._trouble.end()
            self._step()
        except (redis.RedisError, UnsuitableServer, OSError) as error:
            self._link.close()
            self._is_waiting = False
            self._look_at = 0.0
            self._trouble.report(error)

    def _step(self) -> None:
        if self._local.is_stopping:
            time.sleep(self._timeout_seconds / 4)
            return
        if time.monotonic() >= self._look_at:
            self._look()
        if not self._is_waiting:
            self._link.send(("BLPOP", self._keys.wake, 2 * LOOK_SECONDS))
            self._is_waiting = True
            self._overdue_at = time.monotonic() + 2 * LOOK_SECONDS + GRACE_SECONDS
        patience = min(self._timeout_seconds, max(0.0, self._look_at - time.monotonic()))
        if self._link.can_read(patience):
            self._read_token()
            self._look_at = 0.0
        elif time.monotonic() > self._overdue_at:
            raise redis.TimeoutError("Redis did not answer in time")

    def _read_token(self) -> None:
        self._is_waiting = False
        self._link.read()

    def _look(self) -> None:
        """Move what is due, and find out when to look again."""
        keys = self._keys
        moved, wait_ms, left_by_stock = self.broker.links.run(
            lua.PROMOTE,
            (keys.queue, keys.messages, keys.delayed_messages, keys.due, keys.stock_delayed),
            (BATCH_SIZE,),
        )
        if left_by_stock:
            adopt_delayed(self.broker, self.queue_name)
            wait_ms = 0
        wait_seconds = LOOK_SECONDS if wait_ms < 0 else min(wait_ms / 1000, LOOK_SECONDS)
        self._look_at = time.monotonic() + wait_seconds
        if moved:
            self.logger.debug("Moved %d due messages to queue %r.", moved, self.queue_name)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Nothing was taken, so there is nothing to put back."""

    def close(self) -> None:
        """Stop, and leave the delayed messages to another worker or, where none is left, as stock
        Dramatiq would.
        """
        try:
            self._hand_over()
            if self._local.is_stopping:
                release_delayed(self.broker, self.queue_name)
        except redis.RedisError as error:
            self.logger.warning("Delayed messages stay where they are: %s", error)
        finally:
            self._link.close()

    def _hand_over(self) -> None:
        """Wake another worker: it may be that only this one knew of the next due time."""
        if self._is_waiting:
            self._link.unblock()
            self._read_token()
        client, keys = self.broker.client, self._keys
        if client.exists(keys.due) and not client.exists(keys.wake):
            client.rpush(keys.wake, 1)

    def ack(self, message: MessageProxy) -> Any:
        raise NotImplementedError("a delay queue delivers no messages")

    nack = ack
