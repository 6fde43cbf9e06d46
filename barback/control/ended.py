"""What is remembered of messages that were done or cancelled."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from barback.control.running import Progress
from barback.control.status import MessageStatus

if TYPE_CHECKING:
    from barback.store.store import HasStore

#: How many ended messages of a queue are looked at, unless told otherwise.
LIST_AT_MOST = 10_000

#: How many ids are read in one step, …
_IDS_PER_STEP = 2_000

#: … and how many records.
_RECORDS_PER_STEP = 500


def list_ended(
    broker: HasStore, queue_name: str, *, at_most: int = LIST_AT_MOST
) -> list[MessageStatus]:
    """The messages of a queue that were done or cancelled and are remembered, the latest first.

    Done ones are remembered only where workers have ``Control(remember_seconds=…)``.

    Parameters:
      broker: The broker.
      queue_name: The queue.
      at_most: How many are looked at, in steps that are short for Redis. Where more are remembered,
        those that are forgotten next are left out.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    store = broker.store
    keys, now_ms = store.keys(queue_name), store.now_ms(queue_name)
    forget_ms: dict[bytes, float] = {}
    for start in range(0, at_most, _IDS_PER_STEP):
        end = min(at_most, start + _IDS_PER_STEP) - 1
        found: Any = store.client.zrange(keys.ended, start, end, desc=True, withscores=True)
        forget_ms |= found
        if not found:
            break
    known = [redis_id for redis_id, at_ms in forget_ms.items() if at_ms > now_ms]
    ended = []
    for start in range(0, len(known), _RECORDS_PER_STEP):
        ids: list[Any] = known[start : start + _RECORDS_PER_STEP]
        records: Any = store.client.hmget(keys.ended_details, ids)
        for redis_id, record in zip(ids, records, strict=True):
            if record is not None:
                name = redis_id.decode(errors="surrogateescape")
                status = MessageStatus(name, "unknown", queue_name=queue_name)
                ended.append(ended_status(status, record, forget_ms[redis_id]))
    return sorted(ended, key=lambda status: -(status.since or 0))


def ended_status(status: MessageStatus, stored: bytes, forget_ms: float | None) -> MessageStatus:
    """A message that has ended, by what is stored of it, and when that is to be forgotten."""
    record = decoded_record(stored)
    ended_at = None if forget_ms is None else (forget_ms - record.get("ttl_ms", 0)) / 1000
    if record.get("state") == "cancelled":
        return replace(cancelled_status(status, record), since=ended_at)
    return replace(
        status,
        state="done",
        message_id=record.get("message_id"),
        actor_name=record.get("actor_name"),
        attempt=record.get("attempt"),
        worker=record.get("worker"),
        progress=Progress(**record["progress"]) if record.get("progress") else None,
        since=ended_at,
    )


def cancelled_status(status: MessageStatus, record: dict[str, Any]) -> MessageStatus:
    """A message that was cancelled, by what is remembered of that."""
    return replace(
        status,
        state="cancelled",
        message_id=record.get("message_id"),
        actor_name=record.get("actor_name"),
        reason=record.get("reason"),
        was_ignored=bool(record.get("was_ignored")),
    )


def decoded_record(stored: bytes | None) -> dict[str, Any]:
    """What is remembered; nothing where somebody else has written there."""
    try:
        record = json.loads(stored or b"{}")
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
