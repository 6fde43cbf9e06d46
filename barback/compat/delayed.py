"""Delayed messages as stock Dramatiq keeps them.

Stock Dramatiq keeps delayed messages on a list, in no order, and has every worker read the whole
list into its memory. A worker of :mod:`barback` adopts what it finds there. To go back to stock,
:func:`release_delayed` rewrites what waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dramatiq.common import dq_name

from barback.messages.codec import encode_fields
from barback.messages.encoding import TOO_LARGE, decode_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barback.connection.script import Argument
    from barback.store.store import Store

#: How many messages are rewritten in one step.
BATCH_SIZE = 500


def adopt_delayed(store: Store, queue_name: str) -> None:
    """Take a batch of the messages on stock's list into the order of due times."""
    keys = store.keys(queue_name)
    ids: Any = store.client.lrange(keys.stock_delayed, 0, BATCH_SIZE - 1)
    if not ids:
        return
    args: list[Argument] = []
    for redis_id, payload in zip(ids, store.read_payloads(keys.delayed_messages, ids), strict=True):
        if payload is not None:
            rewritten, due_ms = _from_stock(payload, queue_name)
            args += (redis_id, rewritten, due_ms)
        else:  # cancelled: its id is taken off the list, and nothing comes of it
            args += (redis_id, b"", -1)
    store.calls(queue_name).adopt_delayed(args)


def release_delayed(store: Store, queue_name: str) -> Iterator[int]:
    """Leave all delayed messages of a queue on stock's list, for stock's workers.

    No worker of ours may consume the queue meanwhile: it would adopt them again. It may be broken
    off and begun anew.

    Parameters:
      store: Where the queue is.
      queue_name: The queue.

    Yields:
      How many messages were rewritten in each step.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    keys = store.keys(queue_name)
    entries: Any
    while entries := store.client.zrange(keys.due, 0, BATCH_SIZE - 1, withscores=True):
        ids = [entry[0] for entry in entries]
        args: list[Argument] = []
        payloads = store.read_payloads(keys.delayed_messages, ids)
        for entry, payload in zip(entries, payloads, strict=True):
            due_ms = _bounded(entry[1])
            args += (entry[0], b"" if payload is None else _to_stock(payload, queue_name, due_ms))
        yield store.calls(queue_name).release_delayed(args)


def _from_stock(payload: bytes, queue_name: str) -> tuple[bytes, int]:
    """The payload for the plain queue, and when it is due."""
    try:
        fields = decode_fields(payload)
        due_ms = _bounded(fields["options"].pop("eta", None) or 0)
        return encode_fields({**fields, "queue_name": queue_name}), due_ms
    except Exception:  # noqa: BLE001 - whatever it is, it concerns this one alone
        return payload, 0  # it becomes a dead letter of the plain queue


def _to_stock(payload: bytes, queue_name: str, due_ms: int) -> bytes:
    try:
        fields = decode_fields(payload)
        fields["options"]["eta"] = due_ms
        return encode_fields({**fields, "queue_name": dq_name(queue_name)})
    except Exception:  # noqa: BLE001 - as above
        return payload


def _bounded(time_ms: Any) -> int:
    """A time as a whole number, infinite ones included."""
    return int(max(-TOO_LARGE, min(time_ms, TOO_LARGE)))
