"""Finds out which entry in Redis an id means."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from barback.dead_letters.letter import as_redis_id
from barback.errors import UndecodablePayload
from barback.messages.encoding import decode_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barback.monitoring.workers import WorkerStatus
    from barback.store.store import Store

#: How many messages are looked through for an id of Dramatiq's, unless told otherwise. 100,000 take
#: a few seconds.
SEARCH_AT_MOST = 100_000

#: How many are read in one step.
SCAN_COUNT = 500

#: The ids that :func:`barback.sending.preparing.new_id` makes.
_OWN_ID = re.compile(r"(-?\d{1,2}:)?[A-Za-z0-9]{16}")


@dataclass(frozen=True)
class Running:
    """What a worker has said about a message that it runs.

    Parameters:
      worker: The worker.
      said_at_ms: When it said so, in server milliseconds.
      fields: What it said; see :meth:`barback.control.running.RunningMessage.describe`.
    """

    worker: WorkerStatus
    said_at_ms: float
    fields: dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a message is, or was.

    Parameters:
      queue_name: Its queue; None: it was not found.
      redis_id: The id of its entry in Redis.
      searched: How many messages were looked through.
      is_search_complete: Whether those were all.
    """

    queue_name: str | None
    redis_id: str
    searched: int = 0
    is_search_complete: bool = True


def running_messages(store: Store, workers: list[WorkerStatus]) -> list[Running]:
    """What workers have said, a second ago at the most, that they run."""
    known = {worker.worker_id.encode(): worker for worker in workers}
    with store.client.pipeline(transaction=False) as pipeline:
        for queue_name in sorted({name for it in workers for name in it.silence_seconds}):
            pipeline.hgetall(store.keys(queue_name).running)
        answers = pipeline.execute()
    return [
        Running(known[worker_id], said_at_ms, fields)
        for texts in answers
        for worker_id, text in texts.items()
        if worker_id in known
        for said_at_ms, fields in _read(text)
    ]


def locate(
    store: Store,
    message_id: str,
    running: list[Running],
    search_at_most: int,
    queue_name: str | None = None,
) -> Place:
    """Find a message by the id of its entry in Redis, or by Dramatiq's; in a queue, or in all."""
    for it in running:
        is_there = queue_name in (None, it.fields["queue_name"])
        if is_there and message_id in (it.fields["id"], it.fields["message_id"]):
            return Place(it.fields["queue_name"], it.fields["id"])
    queue_names = sorted(store.queue_names()) if queue_name is None else [queue_name]
    place = _look_up(store, message_id, queue_names)
    if place is not None:
        return place
    if _OWN_ID.fullmatch(message_id):
        return Place(None, message_id)
    return _search(store, message_id, queue_names, search_at_most)


def _look_up(store: Store, message_id: str, queue_names: list[str]) -> Place | None:
    """Find what is stored under the id; that asks each queue once, however full it is."""
    raw_id = as_redis_id(message_id)
    with store.client.pipeline(transaction=False) as pipeline:
        for keys in map(store.keys, queue_names):
            pipeline.hexists(keys.messages, raw_id)
            pipeline.hexists(keys.delayed_messages, raw_id)
            pipeline.hexists(keys.dead_messages, raw_id)
            pipeline.hget(keys.ended_details, raw_id)
        answers = pipeline.execute()
    for index, queue_name in enumerate(queue_names):
        *exists, ended = answers[4 * index : 4 * index + 4]
        if any(exists):
            return Place(queue_name, message_id)
        if ended is not None:
            is_record = ended.startswith(b"{")
            return Place(queue_name, message_id if is_record else ended.decode())
    return None


def _search(store: Store, message_id: str, queue_names: list[str], search_at_most: int) -> Place:
    searched = 0
    messages = _all_messages(store, queue_names)
    wanted = as_redis_id(message_id)
    for queue_name, redis_id, payload in islice(messages, search_at_most):
        searched += 1
        if wanted in payload and message_id_of(payload) == message_id:
            return Place(queue_name, redis_id.decode(errors="surrogateescape"), searched)
    return Place(None, message_id, searched, next(messages, None) is None)


def _all_messages(store: Store, queue_names: list[str]) -> Iterator[tuple[str, bytes, bytes]]:
    for queue_name in queue_names:
        keys = store.keys(queue_name)
        for hash_key in (keys.messages, keys.delayed_messages, keys.dead_messages):
            for redis_id, payload in store.client.hscan_iter(hash_key, count=SCAN_COUNT):
                yield queue_name, redis_id, payload


def message_id_of(payload: bytes) -> str | None:
    """Dramatiq's id in a payload; None where that is no message."""
    try:
        return str(decode_fields(payload)["message_id"])
    except UndecodablePayload:
        return None


def _read(text: bytes | None) -> Iterator[tuple[float, dict[str, Any]]]:
    said_at_ms, _, entries = (text or b"").partition(b" ")
    try:
        for fields in json.loads(entries or b"[]"):
            yield float(said_at_ms), fields
    except (ValueError, TypeError):  # somebody else has written there
        return
