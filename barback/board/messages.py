"""Finds messages that wait or are delayed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from barback.board.shown import MAX_LISTED_BYTES, ShownMessage, shown_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barback.board.shown import Redact
    from barback.store.keys import QueueKeys
    from barback.store.store import Store

#: How many messages are on a page.
PAGE_SIZE = 25

#: How many bytes Redis is asked for in one command: that takes it less than a millisecond.
MAX_BATCH_BYTES = 1_048_576

_PRIORITY = re.compile(rb"-?[1-9]\d?")


def waiting_messages(
    store: Store, queue_name: str, redact: Redact, *, offset: int
) -> list[ShownMessage]:
    """A page of the messages that wait, the next one first."""
    keys = store.keys(queue_name)
    ids = waiting_ids(store, keys, offset, PAGE_SIZE)
    return _read(store, keys.messages, queue_name, ids, redact)


def delayed_messages(
    store: Store, queue_name: str, redact: Redact, *, offset: int
) -> list[ShownMessage]:
    """A page of the messages that wait for their time, the next one first."""
    keys = store.keys(queue_name)
    due_at = delayed_ids(store, keys, offset, PAGE_SIZE)
    return _read(store, keys.delayed_messages, queue_name, list(due_at), redact, due_at=due_at)


def waiting_ids(store: Store, keys: QueueKeys, offset: int, count: int) -> list[bytes]:
    """The ids of messages that wait, the next one first."""
    ids: list[bytes] = []
    skip = offset
    for list_key in _waiting_lists(store, keys):
        length: Any = store.client.llen(list_key)
        if skip < length:
            found: Any = store.client.lrange(list_key, skip, skip + count - len(ids) - 1)
            ids += found
        skip = max(0, skip - length)
        if len(ids) >= count:
            break
    return ids


def delayed_ids(store: Store, keys: QueueKeys, offset: int, count: int) -> dict[bytes, float]:
    """The ids of delayed messages, the next one first, and when each is due, as a Unix time in
    seconds.
    """
    due_ms = store.ranked(keys.due, offset, count)
    return {redis_id: each_ms / 1000 for redis_id, each_ms in due_ms.items()}


def read_payloads(
    store: Store, hash_key: str, ids: list[bytes]
) -> Iterator[tuple[bytes, int, bytes | None]]:
    """For each id how large its message is, in bytes (0: it is gone), and what it says, unless it
    is larger than a list can show.
    """
    with store.client.pipeline(transaction=False) as pipeline:
        for redis_id in ids:
            pipeline.hstrlen(hash_key, redis_id)
        sizes: list[int] = pipeline.execute()
    known = list(zip(ids, sizes, strict=True))
    payloads: dict[bytes, bytes | None] = {}
    for batch in _batches(known):
        payloads |= zip(batch, store.read_payloads(hash_key, batch), strict=True)
    for redis_id, size in known:
        yield redis_id, size, payloads.get(redis_id)


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
    # Another entry than a priority is none of ours.
    priorities = sorted({0, *(int(level) for level in levels if _PRIORITY.fullmatch(level))})
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
    return [
        shown_message(
            redis_id.decode(errors="surrogateescape"),
            queue_name,
            payload,
            redact,
            size_bytes=size,
            due_at=(due_at or {}).get(redis_id),
        )
        for redis_id, size, payload in read_payloads(store, hash_key, ids)
        if size  # else a worker has finished it in between
    ]


def _batches(sizes: list[tuple[bytes, int]]) -> Iterator[list[bytes]]:
    """Ids of messages that Redis can hand out in one short step, without those that are too large
    for a list.
    """
    batch: list[bytes] = []
    batch_bytes = 0
    for redis_id, size in sizes:
        if not 0 < size <= MAX_LISTED_BYTES:
            continue
        if batch and batch_bytes + size > MAX_BATCH_BYTES:
            yield batch
            batch, batch_bytes = [], 0
        batch.append(redis_id)
        batch_bytes += size
    if batch:
        yield batch
