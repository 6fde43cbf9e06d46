"""Finds messages by the beginnings of their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback.errors import UndecodablePayload
from barback.messages.encoding import decode_fields
from barback.messages.ids import STEM_LENGTH, without_priority
from barback.store.records import read_record, text_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from barback.store.keys import QueueKeys
    from barback.store.store import HasStore, Store

#: How many names Redis looks at in one step: well under a millisecond.
NAMES_PER_STEP = 1000


@dataclass(frozen=True)
class Entry:
    """An entry in Redis.

    Parameters:
      queue_name: Its queue.
      redis_id: Its id.
      message_id: Dramatiq's id of its message; empty where it is none.
    """

    queue_name: str
    redis_id: str
    message_id: str


def ids_beginning_with(broker: HasStore, beginning: str) -> Iterator[str]:
    """The ids of the messages of which either id begins with some characters, four at the least;
    one for each message.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    store, seen = broker.store, set[str]()
    for entry in scan_payloads(store, sorted(store.queue_names()), beginning):
        message = entry.message_id or entry.redis_id
        if message not in seen:
            seen.add(message)
            yield entry.redis_id


def scan_payloads(store: Store, queue_names: Iterable[str], beginning: str) -> Iterator[Entry]:
    """What is left to do, dead or remembered, and of which either id begins with some characters.

    Redis compares the first characters of the names; see :mod:`barback.messages.ids`.
    """
    wanted = without_priority(beginning)
    stem = wanted[:STEM_LENGTH]
    if len(stem) < STEM_LENGTH or not (stem.isascii() and stem.isalnum()):
        return
    for queue_name in queue_names:
        for redis_id, message_id in _named(store, store.keys(queue_name), stem):
            if without_priority(redis_id).startswith(wanted) or message_id.startswith(beginning):
                yield Entry(queue_name, redis_id, message_id)


def message_id_of(payload: bytes) -> str | None:
    """Dramatiq's id in a payload; None where that is no message."""
    try:
        return str(decode_fields(payload)["message_id"])
    except UndecodablePayload:
        return None


def _named(store: Store, keys: QueueKeys, stem: str) -> Iterator[tuple[str, str]]:
    """The ids of entries that begin with a stem, and Dramatiq's."""
    pattern = f"*{stem}*"  # a priority may stand before it
    for key in (keys.messages, keys.delayed_messages, keys.dead_messages):
        for name, payload in store.client.hscan_iter(key, match=pattern, count=NAMES_PER_STEP):
            yield name.decode(errors="surrogateescape"), message_id_of(payload) or ""
    ended = store.client.hscan_iter(keys.ended_details, match=pattern, count=NAMES_PER_STEP)
    for name, value in ended:
        if not value.startswith(b"{"):  # Dramatiq's id → id
            yield value.decode(errors="surrogateescape"), name.decode(errors="surrogateescape")
            continue
        yield name.decode(errors="surrogateescape"), text_in(read_record(value), "message_id") or ""
