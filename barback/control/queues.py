"""Pausing and purging queues."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from barback.durations import check_duration
from barback.store.records import number_in, read_record, text_in

if TYPE_CHECKING:
    from barback.store.store import HasStore

#: How many messages are deleted in one step. Redis serves nobody else meanwhile.
PURGE_BATCH_SIZE = 1000


@dataclass(frozen=True)
class PausedQueue:
    """A queue whose messages are held back.

    Parameters:
      queue_name: The queue.
      reason: Why, as whoever paused it has said, or None.
      since: Since when, as a Unix time in seconds, by the server's clock.
      until: When the pause ends by itself, likewise, or None when it does not.
    """

    queue_name: str
    reason: str | None
    since: float
    until: float | None


def pause(
    broker: HasStore,
    queue_name: str,
    *,
    for_seconds: float | None = None,
    reason: str | None = None,
) -> PausedQueue:
    """Hold back the messages of a queue.

    No worker takes another of its messages from then on. What runs is finished, and what a worker
    has taken ahead goes back once it has noticed, within about a second. Producers go on, and
    delayed messages come due and wait.

    Parameters:
      broker: The broker.
      queue_name: The queue.
      for_seconds: When the pause is to end by itself, in seconds from now; None: it does not.
      reason: Why, for those who look.

    Raises:
      ValueError: When `for_seconds` is not more than 0, or infinite.
      redis.RedisError: When the server cannot be asked.
    """
    if for_seconds is not None:
        check_duration("for_seconds", for_seconds)
    store = broker.store
    since = store.now_ms() / 1000
    until = None if for_seconds is None else since + for_seconds
    text = json.dumps({"reason": reason, "since": since, "until": until})
    ttl_ms = None if for_seconds is None else max(1, int(for_seconds * 1000))
    store.register([queue_name])
    store.control_calls(queue_name).pause(text, ttl_ms=ttl_ms)
    return PausedQueue(queue_name, reason, since, until)


def resume(broker: HasStore, queue_name: str) -> bool:
    """End the pause of a queue at once.

    Returns:
      False when it was not paused.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    return broker.store.control_calls(queue_name).resume()


def paused(broker: HasStore) -> dict[str, PausedQueue]:
    """The queues that are paused, by name.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    store = broker.store
    names = sorted(store.queue_names())
    if not names:
        return {}
    with store.client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.get(store.keys(name).paused)
        texts = pipeline.execute()
    return {
        name: _decoded(name, text)
        for name, text in zip(names, texts, strict=True)
        if text is not None
    }


def purge(broker: HasStore, queue_name: str) -> int:
    """Delete the messages that wait in a queue. Those that workers hold, delayed ones and dead
    letters stay.

    Returns:
      How many were deleted.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    store = broker.store
    calls = store.control_calls(queue_name)
    length = store.calls(queue_name).length()
    # As many steps as that takes: what comes meanwhile may stay.
    return sum(calls.purge(PURGE_BATCH_SIZE) for _ in range(length // PURGE_BATCH_SIZE + 1))


def _decoded(queue_name: str, text: bytes) -> PausedQueue:
    fields = read_record(text)  # somebody else's entry pauses the queue all the same
    since = number_in(fields, "since")
    return PausedQueue(
        queue_name,
        text_in(fields, "reason"),
        time.time() if since is None else since,
        number_in(fields, "until"),
    )
