"""Results: of many messages at once, and of one that somebody looks at."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import dramatiq
from dramatiq.results import ResultFailure, ResultMissing
from dramatiq.results.backends import RedisBackend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

#: How often results are looked for, in seconds.
POLL_SECONDS = 0.1

#: For how many of the oldest messages of a queue results are asked for in one round trip. Workers
#: take messages in order, so the results to come next are among them.
BATCH_SIZE = 500


class Outcome(NamedTuple):
    """What became of a message: a result, or the error that it failed with for good."""

    message: dramatiq.Message[Any]
    result: Any
    error: ResultFailure | None


def await_results(
    backend: RedisBackend,
    messages: Sequence[dramatiq.Message[Any]],
    *,
    timeout_seconds: float | None = None,
) -> Iterator[list[Outcome]]:
    """Yield outcomes as they come, until each message has one or the time is up.

    Yields at least every ``POLL_SECONDS``, an empty list when there is nothing new.

    Parameters:
      backend: Where the results are.
      messages: The messages, of any queues.
      timeout_seconds: How long to wait at the most; 0 looks once, None waits for ever.

    Raises:
      redis.RedisError: When Redis does not answer.
    """
    deadline = time.monotonic() + (float("inf") if timeout_seconds is None else timeout_seconds)
    outstanding = _by_queue(messages)
    while outstanding:
        outcomes = _fetch(
            backend, [m for queue in outstanding.values() for m in queue[:BATCH_SIZE]]
        )
        yield outcomes
        outstanding = _without(outstanding, outcomes)
        seconds_left = deadline - time.monotonic()
        if seconds_left <= 0:
            return
        if len(outcomes) < BATCH_SIZE:  # the workers are not ahead of us
            time.sleep(min(POLL_SECONDS, seconds_left))


class Described(Protocol):
    """What tells of a message which it is: see :class:`barback.control.MessageStatus`."""

    @property
    def state(self) -> str: ...
    @property
    def queue_name(self) -> str | None: ...
    @property
    def actor_name(self) -> str | None: ...
    @property
    def message_id(self) -> str | None: ...


def result_of(client: redis.Redis, status: Described) -> Any:
    """The result of a message that is done, where it lies on the broker's server under the usual
    names; else None.

    Raises:
      redis.RedisError: When Redis does not answer.
    """
    if status.state != "done" or not (status.actor_name and status.message_id):
        return None
    message: dramatiq.Message[Any] = dramatiq.Message(
        status.queue_name or "", status.actor_name, (), {}, {}, status.message_id
    )
    with contextlib.suppress(ResultMissing, ResultFailure, ValueError):
        return RedisBackend(client=client).get_result(message)
    return None


def _by_queue(
    messages: Sequence[dramatiq.Message[Any]],
) -> dict[str, list[dramatiq.Message[Any]]]:
    queues: dict[str, list[dramatiq.Message[Any]]] = {}
    for message in messages:
        queues.setdefault(message.queue_name, []).append(message)
    return queues


def _fetch(backend: RedisBackend, messages: list[dramatiq.Message[Any]]) -> list[Outcome]:
    with backend.client.pipeline(transaction=False) as pipe:
        for message in messages:
            pipe.lindex(backend.build_message_key(message), 0)
        stored = pipe.execute()
    return [
        _outcome(backend, message, data)
        for message, data in zip(messages, stored, strict=True)
        if data is not None
    ]


def _outcome(backend: RedisBackend, message: dramatiq.Message[Any], data: bytes) -> Outcome:
    try:
        return Outcome(message, backend.unwrap_result(backend.encoder.decode(data)), None)
    except ResultFailure as error:
        return Outcome(message, None, error)


def _without(
    outstanding: dict[str, list[dramatiq.Message[Any]]], outcomes: list[Outcome]
) -> dict[str, list[dramatiq.Message[Any]]]:
    if not outcomes:
        return outstanding
    settled = {outcome.message.message_id for outcome in outcomes}
    left = {
        queue_name: [m for m in messages[:BATCH_SIZE] if m.message_id not in settled]
        + messages[BATCH_SIZE:]
        for queue_name, messages in outstanding.items()
    }
    return {queue_name: messages for queue_name, messages in left.items() if messages}
