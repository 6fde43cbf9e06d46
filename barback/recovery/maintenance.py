"""Clears away what nobody needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barback.compat.workers import recover_stock_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from barback.store.store import Store

#: How many old dead letters are forgotten in one step.
PURGE_BATCH_SIZE = 1000


class Maintenance:
    """What a worker does for its queues about once a minute.

    Parameters:
      store: Where the queues are.
      heartbeat_timeout_ms: Tells after how long a silence a stock worker counts as dead, in
        milliseconds.
      dead_message_ttl_ms: Tells how long dead letters are kept, in milliseconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        heartbeat_timeout_ms: Callable[[], int],
        dead_message_ttl_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._heartbeat_timeout_ms = heartbeat_timeout_ms
        self._dead_message_ttl_ms = dead_message_ttl_ms

    def maintain(self, queue_names: Iterable[str]) -> None:
        """Do all of it."""
        self._forget_gone_workers()
        for queue_name in queue_names:
            self.purge_dead_letters(queue_name)
            if not self._store.on_cluster:
                recover_stock_workers(self._store, queue_name, self._heartbeat_timeout_ms())
            self._sweep(queue_name)

    def purge_dead_letters(self, queue_name: str) -> None:
        """Forget the dead letters of a queue that are older than their time to live."""
        calls = self._store.calls(queue_name)
        while calls.purge_dead(self._dead_message_ttl_ms(), PURGE_BATCH_SIZE) == PURGE_BATCH_SIZE:
            pass

    def _sweep(self, queue_name: str) -> None:
        """Clear away claims and slots of messages that are gone."""
        workers: Any = self._store.client.hkeys(self._store.keys(queue_name).consumers)
        worker_ids = [worker.decode(errors="replace") for worker in workers]
        self._store.control_calls(queue_name).sweep(worker_ids)

    def _forget_gone_workers(self) -> None:
        """Drop the description of workers that consume nothing."""
        store = self._store
        infos: Any = store.client.hkeys(store.fleet_keys.workers)
        living: set[bytes] = set()
        for name in store.queue_names():
            heartbeats: Any = store.client.zrange(store.keys(name).heartbeats, 0, -1)
            living.update(heartbeats)
        gone = [worker_id for worker_id in infos if worker_id not in living]
        if gone:
            forget_workers(store, gone)


def forget_workers(store: Store, worker_ids: list[Any]) -> None:
    """Drop the descriptions of workers."""
    store.client.hdel(store.fleet_keys.workers, *worker_ids)
    if not store.on_cluster:
        store.client.zrem(store.fleet_keys.stock_heartbeats, *worker_ids)
