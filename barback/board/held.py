"""Searches the messages that wait or are delayed, a bounded step at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from barback.board.messages import delayed_ids, read_payloads, waiting_ids
from barback.board.shown import decoded, last_line, shown_message

if TYPE_CHECKING:
    from barback.board.query import Query
    from barback.board.shown import Redact, ShownMessage
    from barback.store.store import Store

#: How many messages a step looks at, …
STEP_SIZE = 10_000

#: … for how long at the most, in seconds, …
STEP_SECONDS = 3.0

#: … and how many that match it shows. Whichever is reached first ends it.
PAGE_SIZE = 50

#: How many messages are read in one round trip.
BATCH_SIZE = 250

#: What these messages can be searched by, besides what all can: ``state:retrying``.
HELD_FIELDS = {"state": attrgetter("state")}


@dataclass(frozen=True)
class HeldMessage:
    """A message that waits or is delayed, for a search.

    Parameters:
      id: The id of its entry in Redis.
      fields: The decoded message, or None when it is none, or too large to be fetched.
      is_delayed: Whether it waits for its time.
    """

    id: str
    fields: dict[str, Any] | None
    is_delayed: bool

    @property
    def actor_name(self) -> str | None:
        return self.fields["actor_name"] if self.fields else None

    @property
    def error(self) -> str | None:
        return last_line(self.fields["options"].get("traceback")) if self.fields else None

    @property
    def state(self) -> str:
        if not self.is_delayed:
            return "waiting"
        return "retrying" if self.fields and self.fields["options"].get("retries") else "delayed"


@dataclass(frozen=True)
class Step:
    """The outcome of a step of a search.

    Parameters:
      messages: Those that match, in the order in which they run.
      first: The position of the first one that was looked at; the head of the queue is 0.
      end: The position after the last one, from which the next step goes on.
    """

    messages: list[ShownMessage]
    first: int
    end: int


def search_held(
    store: Store, queue_name: str, query: Query, redact: Redact, *, first: int, is_delayed: bool
) -> Step:
    """Look through the messages that wait in a queue, or those that are delayed.

    Their ids are read at once, so that what workers take meanwhile shifts nothing; what they say
    is read in batches, so that Redis serves others in between.

    Parameters:
      store: Where they are.
      queue_name: The queue.
      query: What is searched.
      redact: What of a message's arguments may be shown, and searched.
      first: The position to begin at.
      is_delayed: Which of them.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    deadline = time.monotonic() + STEP_SECONDS
    keys = store.keys(queue_name)
    due_at: dict[bytes, float] = {}
    if is_delayed:
        due_at = delayed_ids(store, keys, first, STEP_SIZE)
    ids = list(due_at) if is_delayed else waiting_ids(store, keys, first, STEP_SIZE)
    hash_key = keys.delayed_messages if is_delayed else keys.messages
    found: list[ShownMessage] = []
    looked_at = 0
    for start in range(0, len(ids), BATCH_SIZE):
        for redis_id, size, payload in read_payloads(
            store, hash_key, ids[start : start + BATCH_SIZE]
        ):
            looked_at += 1
            name = redis_id.decode(errors="surrogateescape")
            message = HeldMessage(name, decoded(payload) if payload else None, is_delayed)
            if not size or not query.matches(message, redact):
                continue
            due = due_at.get(redis_id)
            found.append(
                shown_message(name, queue_name, payload, redact, size_bytes=size, due_at=due)
            )
            if len(found) == PAGE_SIZE:
                return Step(found, first, first + looked_at)
        if time.monotonic() > deadline:
            break
    return Step(found, first, first + looked_at)
