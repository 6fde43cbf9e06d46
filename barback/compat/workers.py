"""Workers of stock Dramatiq that share our queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from barback.store.store import Store


def stock_worker_ids(store: Store, *, silent_since_ms: float | None = None) -> list[str]:
    """The ids of stock's workers and producers; or of those silent since a time."""
    newest: Any = "+inf" if silent_since_ms is None else silent_since_ms
    raw_ids: Any = store.client.zrange(
        store.fleet_keys.stock_heartbeats, "-inf", newest, byscore=True
    )
    return [raw_id.decode(errors="replace") for raw_id in raw_ids]


def recover_stock_workers(store: Store, queue_name: str, heartbeat_timeout_ms: int) -> None:
    """Bring back what workers of stock Dramatiq held, which share the queue, by their rules:
    a worker whose heartbeat is too old is dead. It is stamped with the clock of that worker;
    to compare it with the server's at least leaves this process's own clock out of it.

    Ours have such heartbeats, too, lest stock's workers take them for dead. Whether one of them is,
    is not for these rules to say: all are late when the machine or the server was away.
    """
    client, keys = store.client, store.keys(queue_name)
    seconds, microseconds = client.time()
    oldest_ms = seconds * 1000 + microseconds // 1000 - heartbeat_timeout_ms
    ours: Any = client.zrange(keys.heartbeats, 0, -1)
    our_ids = {raw_id.decode(errors="replace") for raw_id in ours}
    for worker_id in stock_worker_ids(store, silent_since_ms=oldest_ms):
        if worker_id in our_ids:
            continue
        ids: list[Any] = list(client.smembers(keys.acks(worker_id)))
        if ids:
            store.worker_calls(queue_name, worker_id).requeue(ids)
        delayed_ids: list[Any] = list(client.smembers(keys.stock_delayed_acks(worker_id)))
        if delayed_ids:
            store.calls(queue_name).requeue_stock_delayed(worker_id, delayed_ids)
