"""What is remembered of messages that were done or cancelled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from barback.control.listing import progress_in
from barback.control.status import MessageStatus
from barback.store.records import count_in, number_in, read_record, text_in

if TYPE_CHECKING:
    from barback.store.store import HasStore, Store

#: How many ended messages of a queue are looked at, unless told otherwise.
LIST_AT_MOST = 10_000

#: How many records are read in one step.
_RECORDS_PER_STEP = 500


class Ended(NamedTuple):
    """What is remembered of a message.

    Parameters:
      id: The id of its entry in Redis.
      ended_at: When it ended, as a Unix time in seconds.
      record: How.
    """

    id: str
    ended_at: float
    record: dict[str, Any]


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
    return [
        status_of_ended(each, queue_name)
        for each in read_ended(broker.store, queue_name, at_most=at_most)
    ]


def read_ended(store: Store, queue_name: str, *, at_most: int = LIST_AT_MOST) -> list[Ended]:
    """As :func:`list_ended`, for those who show only some of them."""
    keys, now_ms = store.keys(queue_name), store.now_ms(queue_name)
    forget_ms = store.ranked(keys.ended, 0, at_most, desc=True)
    known = [redis_id for redis_id, at_ms in forget_ms.items() if at_ms > now_ms]
    ended = []
    for start in range(0, len(known), _RECORDS_PER_STEP):
        ids = known[start : start + _RECORDS_PER_STEP]
        stored: Any = store.client.hmget(keys.ended_details, ids)
        for redis_id, text in zip(ids, stored, strict=True):
            if text is not None:
                record = read_record(text)
                ended_at = _ended_at(record, forget_ms[redis_id])
                ended.append(Ended(redis_id.decode(errors="surrogateescape"), ended_at, record))
    return sorted(ended, key=lambda each: -each.ended_at)


def status_of_ended(ended: Ended, queue_name: str) -> MessageStatus:
    """A message that is remembered."""
    status = MessageStatus(ended.id, "unknown", queue_name=queue_name, since=ended.ended_at)
    return ended_status(status, ended.record)


def ended_status(
    status: MessageStatus, record: dict[str, Any], forget_ms: float | None = None
) -> MessageStatus:
    """A message that has ended, by what is remembered of it, and by when that is to be forgotten
    where the status does not know when it has ended.
    """
    if forget_ms is not None:
        status = replace(status, since=_ended_at(record, forget_ms))
    if record.get("state") == "cancelled":
        return cancelled_status(status, record)
    return replace(
        status,
        state="done",
        message_id=text_in(record, "message_id"),
        actor_name=text_in(record, "actor_name"),
        attempt=count_in(record, "attempt"),
        worker=text_in(record, "worker"),
        progress=progress_in(record),
    )


def cancelled_status(status: MessageStatus, record: dict[str, Any]) -> MessageStatus:
    """A message that was cancelled, by what is remembered of that."""
    return replace(
        status,
        state="cancelled",
        message_id=text_in(record, "message_id"),
        actor_name=text_in(record, "actor_name"),
        reason=text_in(record, "reason"),
        was_ignored=bool(record.get("was_ignored")),
    )


def _ended_at(record: dict[str, Any], forget_ms: float) -> float:
    return (forget_ms - (number_in(record, "ttl_ms") or 0)) / 1000
