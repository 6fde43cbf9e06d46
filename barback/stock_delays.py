"""Delayed messages as stock Dramatiq keeps them.

Stock Dramatiq keeps delayed messages on a list, in no order, and has every worker read the whole
list into its memory. A worker of :mod:`barback` adopts what it finds there, and the last one that
stops leaves the delayed messages of its queue on that list again: so a fleet can move to
:mod:`barback`, and back, without draining its queues first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq.common import dq_name

from barback import lua
from barback.codec import encode_fields
from barback.delivery import UndecodablePayload, decode_fields

if TYPE_CHECKING:
    from barback.broker import RedisBroker
    from barback.link import Argument

#: How many messages are rewritten in one step.
BATCH_SIZE = 500


def adopt_delayed(broker: RedisBroker, queue_name: str) -> None:
    """Take a batch of the messages on stock's list into the order of due times."""
    keys = broker.keys(queue_name)
    ids: Any = broker.client.lrange(keys.stock_delayed, 0, BATCH_SIZE - 1)
    if not ids:
        return
    args: list[Argument] = []
    for redis_id, payload in zip(
        ids, broker.read_payloads(keys.delayed_messages, ids), strict=True
    ):
        if payload is not None:
            rewritten, due_ms = _from_stock(payload, queue_name)
            args += (redis_id, rewritten, due_ms)
        else:
            args += (redis_id, b"", 0)
    broker.links.run(lua.ADOPT, (keys.stock_delayed, keys.delayed_messages, keys.due), args)


def release_delayed(broker: RedisBroker, queue_name: str) -> None:
    """Leave all delayed messages on stock's list, while no other worker of ours is there to adopt
    them again.
    """
    keys = broker.keys(queue_name)
    is_alone_on = broker.local_worker.is_alone_on
    entries: Any
    while is_alone_on(queue_name) and (
        entries := broker.client.zrange(keys.due, 0, BATCH_SIZE - 1, withscores=True)
    ):
        ids = [entry[0] for entry in entries]
        args: list[Argument] = []
        payloads = broker.read_payloads(keys.delayed_messages, ids)
        for (redis_id, due_ms), payload in zip(entries, payloads, strict=True):
            args += (redis_id, _to_stock(payload or b"", queue_name, int(due_ms)))
        broker.links.run(lua.RELEASE, (keys.stock_delayed, keys.delayed_messages, keys.due), args)


def _from_stock(payload: bytes, queue_name: str) -> tuple[bytes, int]:
    """The payload for the plain queue, and when it is due."""
    try:
        fields = decode_fields(payload)
    except UndecodablePayload:
        return payload, 0  # it becomes a dead letter of the plain queue
    eta_ms = fields["options"].pop("eta", 0)
    due_ms = int(eta_ms) if isinstance(eta_ms, int | float) else 0
    return encode_fields({**fields, "queue_name": queue_name}), due_ms


def _to_stock(payload: bytes, queue_name: str, due_ms: int) -> bytes:
    try:
        fields = decode_fields(payload)
    except UndecodablePayload:
        return payload
    fields["options"]["eta"] = due_ms
    return encode_fields({**fields, "queue_name": dq_name(queue_name)})
