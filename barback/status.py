"""How the queues are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barback.delivery import UndecodablePayload, decode_fields
from barback.workers import WorkerStatus, list_workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from barback.broker import RedisBroker


@dataclass(frozen=True)
class QueueStatus:
    """The state of one queue.

    Parameters:
      name: The name of the queue.
      ready: How many messages wait for a worker.
      running: How many messages workers hold: those in work and those taken ahead.
      delayed: How many messages wait for their time.
      dead: How many dead letters there are.
      oldest_seconds: How long ago the next message was sent, by the clock of its producer, or
        None when none waits.
      workers: How many live workers consume the queue.
    """

    name: str
    ready: int
    running: int
    delayed: int
    dead: int
    oldest_seconds: float | None
    workers: int


def queue_statuses(
    broker: RedisBroker, workers: Iterable[WorkerStatus] | None = None
) -> list[QueueStatus]:
    """The state of every queue that holds messages or has a worker."""
    known = list(list_workers(broker) if workers is None else workers)
    names = _stored_queue_names(broker).union(*(worker.silence_seconds for worker in known))
    return [_queue_status(broker, name, known) for name in sorted(names)]


def _queue_status(broker: RedisBroker, name: str, workers: list[WorkerStatus]) -> QueueStatus:
    keys = broker.keys(name)
    consumers = [worker for worker in workers if name in worker.silence_seconds]
    holders = [worker.worker_id for worker in consumers] + _stock_workers(broker)
    with broker.client.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.llen(keys.queue)
        pipeline.zcard(keys.due)
        pipeline.llen(keys.stock_delayed)
        pipeline.zcard(keys.dead)
        pipeline.lindex(keys.queue, 0)
        for worker_id in holders:
            pipeline.scard(keys.acks(worker_id))
            pipeline.llen(keys.inbox(worker_id))
        (seconds, _), ready, delayed, stock_delayed, dead, next_id, *held = pipeline.execute()
    return QueueStatus(
        name=name,
        ready=ready,
        running=sum(held),
        delayed=delayed + stock_delayed,
        dead=dead,
        oldest_seconds=_age_seconds(broker, name, next_id, now_seconds=seconds),
        workers=sum(worker.is_live for worker in consumers),
    )


def _age_seconds(
    broker: RedisBroker, queue_name: str, redis_id: bytes | None, *, now_seconds: int
) -> float | None:
    if redis_id is None:
        return None
    (payload,) = broker.read_payloads(broker.keys(queue_name).messages, [redis_id])
    if payload is None:
        return None
    try:
        sent_ms: int = decode_fields(payload)["message_timestamp"]
    except UndecodablePayload:
        return None
    return max(0.0, now_seconds - sent_ms / 1000)


def _stock_workers(broker: RedisBroker) -> list[str]:
    ids: Any = broker.client.zrange(broker.worker_keys.stock_heartbeats, 0, -1)
    return [worker_id.decode() for worker_id in ids]


def _stored_queue_names(broker: RedisBroker) -> set[str]:
    """The queues that hold messages of any kind."""
    prefix, suffix = f"{broker.namespace}:", ".msgs"
    found = broker.client.scan_iter(match=f"{prefix}*{suffix}", count=1000, _type="HASH")
    names = (key.decode().removeprefix(prefix).removesuffix(suffix) for key in found)
    return {name.removesuffix(".DQ").removesuffix(".XQ") for name in names}
