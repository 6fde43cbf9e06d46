"""Finds messages that wait or are delayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barback.board.shown import MAX_LISTED_BYTES, ShownMessage, shown_message

if TYPE_CHECKING:
    from barback.board.shown import Redact
    from barback.store.keys import QueueKeys
    from barback.store.store import Store

#: How many messages are on a page.
PAGE_SIZE = 25


def waiting_messages(
    store: Store, queue_name: str, redact: Redact, *, offset: int
) -> list[ShownMessage]:
    """A page of the messages that wait, the next one first."""
    keys = store.keys(queue_name)
    ids: list[bytes] = []
    skip = offset
    for list_key in _waiting_lists(store, keys):
        length: Any = store.client.llen(list_key)
        if skip < length:
            last = skip + PAGE_SIZE - len(ids) - 1
            found: Any = store.client.lrange(list_key, skip, last)
            ids += found
        skip = max(0, skip - length)
        if len(ids) >= PAGE_SIZE:
            break
    return _read(store, keys.messages, queue_name, ids, redact)


def delayed_messages(
    store: Store, queue_name: str, redact: Redact, *, offset: int
) -> list[ShownMessage]:
    """A page of the messages that wait for their time, the next one first."""
    keys = store.keys(queue_name)
    found: Any = store.client.zrange(keys.due, offset, offset + PAGE_SIZE - 1, withscores=True)
    due_at = {redis_id: due_ms / 1000 for redis_id, due_ms in found}
    return _read(store, keys.delayed_messages, queue_name, list(due_at), redact, due_at=due_at)


def find_payload(store: Store, queue_name: str, redis_id: bytes) -> bytes | None:
    """What a message says; None where it has ended, or is to stop, and nothing of it is kept."""
    keys = store.keys(queue_name)
    with store.client.pipeline(transaction=False) as pipeline:
        for hash_key in (keys.messages, keys.delayed_messages, keys.dead_messages):
            pipeline.hget(hash_key, redis_id)
        found: list[bytes | None] = pipeline.execute()
    return next((payload for payload in found if payload is not None), None)


def _waiting_lists(store: Store, keys: QueueKeys) -> list[str]:
    """The lists of a queue in the order in which workers take from them."""
    levels: Any = store.client.zrange(keys.levels, 0, -1)
    priorities = sorted({0, *(int(level) for level in levels)})
    return [f"{keys.levels}:{each}" if each else keys.queue for each in priorities]


def _read(
    store: Store,
    hash_key: str,
    queue_name: str,
    ids: list[bytes],
    redact: Redact,
    *,
    due_at: dict[bytes, float] | None = None,
) -> list[ShownMessage]:
    """Read messages, but of none more than a list can show."""
    with store.client.pipeline(transaction=False) as pipeline:
        for redis_id in ids:
            pipeline.hstrlen(hash_key, redis_id)
        sizes = pipeline.execute()
        small = [each for each, size in zip(ids, sizes, strict=True) if size <= MAX_LISTED_BYTES]
    payloads = dict(zip(small, store.read_payloads(hash_key, small), strict=True)) if small else {}
    return [
        shown_message(
            redis_id.decode(errors="surrogateescape"),
            queue_name,
            payloads.get(redis_id),
            redact,
            size_bytes=size,
            due_at=(due_at or {}).get(redis_id),
        )
        for redis_id, size in zip(ids, sizes, strict=True)
        if size  # else a worker has finished it in between
    ]
