"""The commands of the stock broker, by which its tests and other programs reach under it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from dramatiq.common import q_name

from barback.store.worker_calls import new_epoch

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback.store.store import Store
    from barback.store.worker_calls import WorkerCalls

#: `maintenance_chance` is out of so many.
_MAINTENANCE_SCALE = 1_000_000

#: How many messages are deleted in one step.
_PURGE_BATCH_SIZE = 1000


class StockCommands:
    """``do_…`` as in ``dramatiq.brokers.redis.RedisBroker``, on the same keys.

    Parameters:
      store: Where the queues are.
      worker_id: Tells the id under which messages are held.
      maintain: Does the maintenance of a queue.
      maintenance_chance: Tells out of a million calls of :meth:`do_qsize` how many do it.
    """

    def __init__(
        self,
        store: Store,
        worker_id: Callable[[], str],
        *,
        maintain: Callable[[str], None],
        maintenance_chance: Callable[[], int],
    ) -> None:
        self._store = store
        self._worker_id = worker_id
        self._maintain = maintain
        self._maintenance_chance = maintenance_chance
        self._epoch = ""

    def do_enqueue(self, queue_name: str, redis_id: str, payload: bytes) -> None:
        calls = self._store.calls(queue_name)
        calls.send(calls.enqueueing((redis_id, payload)), None)

    def do_fetch(self, queue_name: str, count: int) -> list[bytes | None]:
        calls = self._worker_calls(queue_name)
        answer: Any = calls.connections.run_once(*calls.claiming(count, 2**40, self._epoch))
        if answer is None:
            held: Any = self._store.client.smembers(
                self._store.keys(queue_name).acks(self._worker_id())
            )
            self._epoch = new_epoch()
            calls.join(self._epoch, list(held), calls.connections)
            answer = calls.connections.run_once(*calls.claiming(count, 2**40, self._epoch))
        return list(answer[1])

    def do_ack(self, queue_name: str, redis_id: str) -> None:
        self._worker_calls(queue_name).ack([redis_id])

    def do_nack(self, queue_name: str, redis_id: str) -> None:
        self._worker_calls(queue_name).settle((redis_id, "dead", "{}", ""), None)

    def do_requeue(self, queue_name: str, *redis_ids: str) -> None:
        self._worker_calls(queue_name).requeue(redis_ids)

    def do_purge(self, queue_name: str) -> None:
        client, keys = self._store.client, self._store.keys(queue_name)
        if queue_name != q_name(queue_name):
            client.delete(keys.stock_delayed, keys.delayed_messages, keys.due, keys.delay_changed)
            return
        levels: Any = client.zrange(keys.levels, 0, -1)
        lists = [f"{keys.levels}:{level.decode()}" for level in levels]
        held = (keys.acks(self._worker_id()), keys.crashes)
        dead = (keys.dead, keys.dead_messages, keys.dead_details)
        calls = self._store.control_calls(queue_name)
        limited: Any = client.hlen(keys.parked)
        for _ in range(limited // _PURGE_BATCH_SIZE + 1):  # other queues may wait in the same lines
            calls.purge(_PURGE_BATCH_SIZE)
        client.delete(keys.queue, keys.messages, keys.levels, *lists, *held, *dead, keys.claims)
        calls.sweep(())  # gives back the slots of what is gone

    def do_qsize(self, queue_name: str) -> int:
        """How much of a queue is left to do: waiting, in work or delayed.

        As with the stock broker, what is in work here or delayed counts twice. It is zero when
        and only when there is nothing left.
        """
        if random.randint(1, _MAINTENANCE_SCALE) <= self._maintenance_chance():  # noqa: S311
            self._maintain(q_name(queue_name))
        return self._store.calls(queue_name).qsize(self._worker_id())

    def _worker_calls(self, queue_name: str) -> WorkerCalls:
        return self._store.worker_calls(queue_name, self._worker_id())
