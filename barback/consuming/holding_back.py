"""Messages that a worker has taken ahead, and is to put back."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from barback.consuming.acknowledging import Acknowledger
    from barback.messages.delivery import Delivery
    from barback.speedups.work_queue import WorkQueue
    from barback.store.store import Store


class HoldingBack:
    """Keeps the threads of one worker from what they have not started when its queue is paused.

    Parameters:
      store: Where the queues are.
      work_queue: Where messages wait for the threads.
      acknowledgers: By queue: who puts messages back.

    Attributes:
      queue_names: The queues that are paused, as of a second ago at the most.
    """

    def __init__(
        self, store: Store, work_queue: WorkQueue, acknowledgers: Mapping[str, Acknowledger]
    ) -> None:
        self.queue_names: frozenset[str] = frozenset()
        self._store = store
        self._work_queue = work_queue
        self._acknowledgers = acknowledgers
        self._by_shard: dict[str, frozenset[str]] = {}
        self._kept: defaultdict[str, list[Delivery]] = defaultdict(list)
        self._lock = threading.Lock()

    def note(self, shard: str, paused: Iterable[str]) -> None:
        """Note which queues of a shard are paused, all that are, and put back what is not started.

        Raises:
          redis.RedisError: When Redis cannot be told; it is the next time.
        """
        for queue_name in self._by_shard.get(shard, frozenset()).difference(paused):
            self._store.control_calls(queue_name).note_end_of_pause()
        self._by_shard[shard] = frozenset(paused)
        self.queue_names = frozenset().union(*self._by_shard.values())
        if self.queue_names:
            for item in self._work_queue.take_out(self._is_paused):
                self.keep(item.message)
        for queue_name in list(self._kept):
            if self._store.shard(queue_name) == shard:
                self.put_back(queue_name)

    def keep(self, delivery: Delivery) -> None:
        """Keep a message that no thread is to start."""
        with self._lock:
            self._kept[delivery.queue_name].append(delivery)

    def take(self, queue_name: str) -> list[Delivery]:
        """Take what is kept of a queue."""
        with self._lock:
            return self._kept.pop(queue_name, [])

    def put_back(self, queue_name: str) -> None:
        """Put back what is kept of a queue; what Redis cannot be told of stays, and raises."""
        kept = self.take(queue_name)
        try:
            self._acknowledgers[queue_name].hold_back(kept)
        except BaseException:
            for delivery in kept:
                self.keep(delivery)
            raise

    def _is_paused(self, item: Any) -> bool:
        return item.message.queue_name in self.queue_names
