"""Cancels messages, wherever they are."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

from barback.control.locating import (
    ATTEMPTS,
    SCAN_COUNT,
    SEARCH_AT_MOST,
    Place,
    locate,
    running_messages,
)
from barback.dead_letters.letter import as_redis_id
from barback.errors import UndecodablePayload
from barback.messages.encoding import decode_fields
from barback.monitoring.workers import list_workers
from barback.store.ended import KEEP_COUNT, KEEP_MS
from barback.store.records import text_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from barback.connection.script import Argument
    from barback.store.store import HasStore, Store

#: How many entries of a queue Redis may look at in one step, to take messages out of the middle of
#: it. It serves nobody else meanwhile: a million take about 10 ms.
ENTRIES_PER_STEP = 1_000_000

#: How many messages are cancelled in one step at the most.
BATCH_SIZE = 100

_WHAT: dict[int, Literal["cancelled", "asked"]] = {1: "cancelled", 2: "asked"}


@dataclass(frozen=True)
class Cancellations:
    """How many messages of a selection were cancelled.

    Parameters:
      cancelled: How many are gone.
      asked: How many run, or are about to, so that their workers were asked to stop them.
    """

    cancelled: int
    asked: int


def cancel(
    broker: HasStore,
    message_id: str,
    *,
    reason: str | None = None,
    search_at_most: int = SEARCH_AT_MOST,
) -> Literal["cancelled", "asked"] | None:
    """Cancel a message.

    One that waits, is delayed or is to be retried is gone at once. The worker of one that runs
    hears of it within about a second; see :func:`barback.control.check_cancelled`. Whatever becomes
    of that worker, the message does not run again.

    Parameters:
      broker: The broker.
      message_id: The id of its entry in Redis, or Dramatiq's; see :func:`barback.control.find`.
      reason: Why, for those who look.
      search_at_most: How many messages are looked through at the most for one that another program
        has sent.

    Returns:
      ``"cancelled"``: it is gone. ``"asked"``: it runs, and its worker is asked to stop it. None:
      there is no such message, or it had ended.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    for _ in range(ATTEMPTS):
        place, record = _find(broker, message_id, reason, search_at_most)
        if place.queue_name is None:
            break
        if record is not None:
            redis_id = as_redis_id(place.redis_id)
            (answer,) = _cancel(broker.store, place.queue_name, [redis_id, *record])
            if answer:
                return _WHAT[answer]
    return None


def cancel_all(
    broker: HasStore, queue_name: str, *, actor_name: str | None = None, reason: str | None = None
) -> Cancellations:
    """Cancel the messages of a queue, or those of one of its actors. What is sent meanwhile may
    stay.

    Each step is short for Redis, whatever the length of the queue; where all of the queue is meant
    and nothing of it runs or is delayed, :func:`barback.control.purge` is faster.

    Parameters:
      broker: The broker.
      queue_name: The queue.
      actor_name: The actor, or None for all.
      reason: Why, for those who look.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    store = broker.store
    chosen = _select(store, queue_name, actor_name, reason)
    length = max(1, store.calls(queue_name).length())
    batch_size = max(1, min(BATCH_SIZE, ENTRIES_PER_STEP // length))
    batches = iter(lambda: list(islice(chosen, batch_size)), [])
    return _counted(
        answer
        for batch in batches
        for answer in _cancel(store, queue_name, [arg for record in batch for arg in record])
    )


def cancel_chosen(
    broker: HasStore, queue_name: str, redis_ids: Sequence[bytes], *, reason: str | None = None
) -> Cancellations:
    """Cancel messages of a queue by the ids of their entries in Redis.

    Parameters:
      broker: The broker.
      queue_name: The queue.
      redis_ids: The ids: a page of a list, not a whole queue.
      reason: Why, for those who look.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    store = broker.store
    keys = store.keys(queue_name)
    with store.client.pipeline(transaction=False) as pipeline:
        for redis_id in redis_ids:
            pipeline.hget(keys.messages, redis_id)
            pipeline.hget(keys.delayed_messages, redis_id)
        found = pipeline.execute()
    args: list[Argument] = []
    for redis_id, queued, delayed in zip(redis_ids, found[::2], found[1::2], strict=True):
        payload = queued or delayed
        if payload is not None:
            args += (redis_id, *_record(*_names_in(payload), reason))
    return _counted(_cancel(store, queue_name, args)) if args else Cancellations(0, 0)


def _find(
    broker: HasStore, message_id: str, reason: str | None, search_at_most: int
) -> tuple[Place, tuple[str, str] | None]:
    """Where a message is, and the record of its end; None where it has ended or moved."""
    store = broker.store
    running = running_messages(store, list_workers(broker))
    place = locate(store, message_id, running, search_at_most)
    if place.queue_name is None:
        return place, None
    fields = next((it.fields for it in running if it.fields["id"] == place.redis_id), None)
    if fields is None:
        redis_id = as_redis_id(place.redis_id)
        return place, _record_of_stored(store, place.queue_name, redis_id, reason)
    actor_name = text_in(fields, "actor_name")
    return place, _record(text_in(fields, "message_id") or "", actor_name, reason)


def _counted(answers: Iterable[int]) -> Cancellations:
    counts = Counter(answers)
    return Cancellations(cancelled=counts[1], asked=counts[2])


def _select(
    store: Store, queue_name: str, actor_name: str | None, reason: str | None
) -> Iterator[tuple[Argument, ...]]:
    keys = store.keys(queue_name)
    # Meanwhile some come due, and others fail and are delayed.
    for hash_key in (keys.delayed_messages, keys.messages, keys.delayed_messages):
        for redis_id, payload in store.client.hscan_iter(hash_key, count=SCAN_COUNT):
            message_id, actor = _names_in(payload)
            if actor_name is None or actor == actor_name:
                yield redis_id, *_record(message_id, actor, reason)


def _record_of_stored(
    store: Store, queue_name: str, redis_id: bytes, reason: str | None
) -> tuple[str, str] | None:
    keys = store.keys(queue_name)
    for hash_key in (keys.messages, keys.delayed_messages):
        payload = store.client.hget(hash_key, redis_id)
        if payload is not None:
            return _record(*_names_in(payload), reason)  # type: ignore[arg-type]
    return None


def _names_in(payload: bytes) -> tuple[str, str | None]:
    try:
        fields = decode_fields(payload)
    except UndecodablePayload:
        return "", None
    return fields["message_id"], fields["actor_name"]


def _record(message_id: str, actor_name: str | None, reason: str | None) -> tuple[str, str]:
    record = {
        "state": "cancelled",
        "message_id": message_id,
        "actor_name": actor_name,
        "ttl_ms": KEEP_MS,
        "was_ignored": False,
        "reason": reason,
    }
    return message_id, json.dumps(record)


def _cancel(store: Store, queue_name: str, args: list[Argument]) -> list[int]:
    return store.control_calls(queue_name).cancel(args, ttl_ms=KEEP_MS, max_count=KEEP_COUNT)
