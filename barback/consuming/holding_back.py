"""Messages of paused queues that a worker has taken ahead."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from barback.consuming.acknowledging import Acknowledger
    from barback.messages.delivery import Delivery


class HoldingBack:
    """Keeps the threads of one worker from what they have not started when its queue is paused.

    Parameters:
      acknowledgers: By queue: who puts messages back.
      shard_of: Tells the shard of a queue.

    Attributes:
      queue_names: The queues that are paused, as of a second ago at the most.
    """

    def __init__(
        self, acknowledgers: Mapping[str, Acknowledger], shard_of: Callable[[str], str]
    ) -> None:
        self.queue_names: frozenset[str] = frozenset()
        self._acknowledgers = acknowledgers
        self._shard_of = shard_of
        self._by_shard: dict[str, frozenset[str]] = {}
        self._kept: defaultdict[str, list[Delivery]] = defaultdict(list)
        self._lock = threading.Lock()

    def note(self, shard: str, paused: Iterable[str]) -> None:
        """Note which queues of a shard are paused, all that are, and put back what was kept.

        Raises:
          redis.RedisError: When Redis cannot be told; it is the next time.
        """
        self._by_shard[shard] = frozenset(paused)
        self.queue_names = frozenset().union(*self._by_shard.values())
        for queue_name in list(self._kept):
            if self._shard_of(queue_name) == shard:
                self._put_back(queue_name)

    def keep(self, delivery: Delivery) -> None:
        """Keep a message that a thread was about to start."""
        with self._lock:
            self._kept[delivery.queue_name].append(delivery)

    def take(self, queue_name: str) -> list[Delivery]:
        """Take what is kept of a queue."""
        with self._lock:
            return self._kept.pop(queue_name, [])

    def _put_back(self, queue_name: str) -> None:
        kept = self.take(queue_name)
        try:
            self._acknowledgers[queue_name].hold_back(kept)
        except BaseException:
            for delivery in kept:
                self.keep(delivery)
            raise
