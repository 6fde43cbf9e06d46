"""Finds out which entry in Redis an id means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from barback.control.beginnings import message_id_of, scan_payloads
from barback.dead_letters.letter import as_redis_id
from barback.messages.ids import root_of, without_priority
from barback.store.records import read_records, text_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barback.monitoring.workers import WorkerStatus
    from barback.store.store import Store

#: How many messages are looked through for an id of Dramatiq's that another program's entry has,
#: unless told otherwise. 100,000 take a few seconds.
SEARCH_AT_MOST = 100_000

#: How many are read in one step.
SCAN_COUNT = 500

#: How often to look again for a message that went from one place to another meanwhile.
ATTEMPTS = 3

#: How many retries of an entry are looked for.
MAX_NUMBER = 100


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
    """Find a message by the id of its entry in Redis, or by Dramatiq's; in a queue, or in all.

    The first is looked up, retries included. For the second, Redis goes through the names of its
    entries, a million in a fraction of a second; the messages of other programs, whose names tell
    nothing, are looked through.
    """
    queue_names = sorted(store.queue_names()) if queue_name is None else [queue_name]
    # What it runs under was said a moment ago: its retry may be there already.
    known_ids = (
        it.fields["id"]
        for it in running
        if it.fields.get("message_id") == message_id and it.fields.get("queue_name") in queue_names
    )
    place = _look_up(store, next(known_ids, message_id), queue_names)
    if place is not None:
        return place
    if root_of(message_id) is not None:
        return Place(None, message_id)
    for entry in scan_payloads(store, queue_names, message_id):
        if entry.message_id == message_id:
            return Place(entry.queue_name, entry.redis_id)
    return _search(store, message_id, queue_names, search_at_most)


def _look_up(store: Store, message_id: str, queue_names: list[str]) -> Place | None:
    """Find what is stored under the id, or that of a retry; that asks each queue once, however full
    it is.
    """
    names = _names_of(message_id)
    raw_ids = [as_redis_id(name) for name in names]
    with store.client.pipeline(transaction=False) as pipeline:
        for keys in map(store.keys, queue_names):
            for key in (keys.messages, keys.delayed_messages, keys.dead_messages):
                pipeline.hmget(key, raw_ids)
            pipeline.hmget(keys.ended_details, raw_ids)
        answers = pipeline.execute()
    ended_place = None
    for index, queue_name in enumerate(queue_names):
        *stored, ended = answers[4 * index : 4 * index + 4]
        for values in stored:
            for name, value in zip(names, values, strict=True):
                if value is not None:
                    return Place(queue_name, name)
        for name, value in zip(names, ended, strict=True):
            if value is not None and ended_place is None:
                redis_id = (
                    name if value.startswith(b"{") else value.decode(errors="surrogateescape")
                )
                ended_place = Place(queue_name, redis_id)
    return ended_place


def _names_of(message_id: str) -> list[str]:
    """The id, and those of the retries, the latest first."""
    root = root_of(message_id)
    if root is None:
        return [message_id]
    priority = message_id[: len(message_id) - len(without_priority(message_id))]
    numbers = range(MAX_NUMBER, 0, -1)
    return [*(f"{priority}{root}.{number}" for number in numbers), f"{priority}{root}"]


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


def _read(text: bytes | None) -> Iterator[tuple[float, dict[str, Any]]]:
    said_at_ms, _, entries = (text or b"").partition(b" ")
    if not re.fullmatch(rb"\d{1,15}", said_at_ms):  # somebody else has written there
        return
    for fields in read_records(entries):
        if text_in(fields, "id") is not None:
            yield float(said_at_ms), fields
