"""Stands in for the consumer of a delay queue."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import redis
from dramatiq import Consumer
from dramatiq.common import q_name
from dramatiq.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dramatiq import MessageProxy

    from barback.consuming.worker import WorkerState


class DelayConsumer(Consumer):
    """Consumes a ``.DQ`` queue, of which it never delivers a message.

    Dramatiq gives every delay queue a consumer thread that keeps delayed messages in its memory
    until they are due. Here they stay in Redis, and one thread looks after all of them: see
    :class:`barback.consuming.delayed.DelayedMessages`.

    Parameters:
      worker: The worker that consumes it.
      delay_queue_name: The name of the delay queue, which ends in ``.DQ``.
      timeout_ms: How long an iteration may take, in milliseconds.
    """

    def __init__(self, worker: WorkerState, delay_queue_name: str, timeout_ms: int) -> None:
        self.logger = get_logger(__name__, type(self))
        self.queue_name = q_name(delay_queue_name)
        self._worker = worker
        self._timeout_seconds = timeout_ms / 1000
        worker.delayed(self.queue_name).add(self.queue_name)

    def __next__(self) -> None:
        if self._worker.is_stopping:
            time.sleep(0.01)  # Dramatiq is about to end this thread
        else:
            self._worker.stopping.wait(self._timeout_seconds)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Nothing was taken, so there is nothing to put back."""

    def close(self) -> None:
        """Leave the delayed messages to other workers."""
        try:
            self._worker.delayed(self.queue_name).remove(self.queue_name)
        except redis.RedisError as error:
            # They look by themselves every now and then.
            self.logger.debug("No other worker was told of delayed messages: %s", error)

    def ack(self, message: MessageProxy) -> Any:
        raise NotImplementedError("a delay queue delivers no messages")

    nack = ack
