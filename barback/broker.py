from __future__ import annotations

from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker as StockRedisBroker

from barback.errors import BrokerUnavailable


class RedisBroker(StockRedisBroker):
    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> Any:
        try:
            return super().enqueue(message, delay=delay)
        except redis.RedisError as error:
            raise BrokerUnavailable(str(error)) from error

    def enqueue_once(
        self, message: dramatiq.Message[Any], *, token: str, ttl_seconds: int
    ) -> dramatiq.Message[Any] | None:
        """Enqueue a message unless one was enqueued under the same token before.

        The claim of the token and the enqueueing are one atomic step.

        Returns: the enqueued message, or None when the token had been used within ``ttl_seconds``.
        """
        key = f"{self.namespace}:__once__:{token}"
        if not self.client.set(key, 1, nx=True, ex=ttl_seconds):
            return None
        return self.enqueue(message)

    def queue_length(self, queue_name: str) -> int:
        """How many messages wait in a queue, those in work not counted."""
        return int(self.client.llen(f"{self.namespace}:{queue_name}"))

    def position(self, message: dramatiq.Message[Any]) -> int | None:
        """How many messages wait before an enqueued message, or None when it waits no more."""
        found = self.client.lpos(
            f"{self.namespace}:{message.queue_name}", message.options["redis_message_id"]
        )
        return None if found is None else int(found)
