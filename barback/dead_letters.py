"""Dead letters: to look at, to send again, to delete."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from barback import lua
from barback.codec import encode_fields
from barback.delivery import UndecodablePayload, decode_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from barback.broker import RedisBroker
    from barback.link import Argument

#: How many dead letters are read or changed in one step.
BATCH_SIZE = 100

#: What a message's earlier failures left in its options.
_TRACES_OF_FAILURE = ("retries", "traceback", "requeue_timestamp")


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up.

    Parameters:
      id: The id of its entry in Redis, by which it is requeued or deleted.
      queue_name: The queue that it was in.
      died_at: When it was given up, as a Unix time in seconds, by the server's clock.
      reason: ``failed``, ``unknown actor``, ``undecodable`` or ``worker died``.
      error: The last error, or None where nothing is known.
      traceback: The last traceback, or None.
      deliveries: How often a worker had it.
      payload: The raw bytes that stood in the queue.
      fields: The decoded message, or None when the payload is no message.
    """

    id: str
    queue_name: str
    died_at: float
    reason: str
    error: str | None
    traceback: str | None
    deliveries: int
    payload: bytes
    fields: dict[str, Any] | None

    @property
    def actor_name(self) -> str | None:
        return self.fields["actor_name"] if self.fields else None


class DeadLetters:
    """The dead letters of one queue.

    Parameters:
      broker: The broker.
      queue_name: The queue.
    """

    def __init__(self, broker: RedisBroker, queue_name: str) -> None:
        self._broker = broker
        self._queue_name = queue_name
        self._keys = broker.keys(queue_name)

    def __len__(self) -> int:
        return int(self._broker.client.zcard(self._keys.dead))

    def __iter__(self) -> Iterator[DeadLetter]:
        """The dead letters, the latest first. For a look: those that come or go meanwhile may
        shift the rest.
        """
        for start in itertools.count(0, BATCH_SIZE):
            end = start + BATCH_SIZE - 1
            ids: Any = self._broker.client.zrange(self._keys.dead, start, end, desc=True)
            if not ids:
                return
            yield from self._read(ids)

    def scan(self) -> Iterator[DeadLetter]:
        """The dead letters in no order, each one at least once, whatever comes or goes."""
        ids = (redis_id for redis_id, _ in self._broker.client.zscan_iter(self._keys.dead))
        while batch := list(islice(ids, BATCH_SIZE)):
            yield from self._read(batch)

    def get(self, letter_id: str) -> DeadLetter | None:
        """One dead letter, or None when there is none of that id."""
        return next(self._read([letter_id.encode()]), None)

    def requeue(self, letters: Iterable[DeadLetter]) -> Iterator[int]:
        """Put dead letters back into their queue, with all their retries before them again.

        Each batch is one atomic step, made when the iterator is advanced.

        Yields:
          How many were put back in each step: those that nobody else had removed meanwhile.
        """
        keys = self._keys
        for batch in _batches(letters):
            args: list[Argument] = []
            for letter in batch:
                args += (letter.id, _fresh_payload(letter))
            yield self._broker.links.run(
                lua.REQUEUE_DEAD,
                (keys.queue, keys.messages, keys.dead, keys.dead_messages, keys.dead_details),
                args,
            )

    def delete(self, letters: Iterable[DeadLetter]) -> Iterator[int]:
        """Delete dead letters for good.

        Yields:
          How many were deleted in each step.
        """
        keys = self._keys
        for batch in _batches(letters):
            ids = [letter.id for letter in batch]
            yield self._broker.links.run(
                lua.DELETE_DEAD, (keys.dead, keys.dead_messages, keys.dead_details), ids
            )

    def _read(self, ids: list[Any]) -> Iterator[DeadLetter]:
        with self._broker.client.pipeline(transaction=False) as pipeline:
            pipeline.zmscore(self._keys.dead, ids)
            pipeline.hmget(self._keys.dead_messages, ids)
            pipeline.hmget(self._keys.dead_details, ids)
            rows = zip(ids, *pipeline.execute(), strict=True)
        for redis_id, died_at_ms, payload, raw_details in rows:
            if died_at_ms is not None and payload is not None:
                yield self._letter(redis_id.decode(), died_at_ms / 1000, payload, raw_details)

    def _letter(
        self, letter_id: str, died_at: float, payload: bytes, raw_details: bytes | None
    ) -> DeadLetter:
        fields = _decode_or_none(payload)
        options = fields["options"] if fields else {}
        details: dict[str, Any] = json.loads(raw_details) if raw_details else {}
        return DeadLetter(
            id=letter_id,
            queue_name=self._queue_name,
            died_at=died_at,
            # Stock Dramatiq keeps no details, but the traceback is in the message.
            reason=details.get("reason", "failed"),
            error=details.get("error"),
            traceback=details.get("traceback") or options.get("traceback"),
            deliveries=details.get("deliveries", 1),
            payload=payload,
            fields=fields,
        )


def _decode_or_none(payload: bytes) -> dict[str, Any] | None:
    try:
        return decode_fields(payload)
    except UndecodablePayload:
        return None


def _fresh_payload(letter: DeadLetter) -> bytes:
    """The message as if it had never failed."""
    if letter.fields is None:
        return letter.payload
    options = {
        name: value
        for name, value in letter.fields["options"].items()
        if name not in _TRACES_OF_FAILURE
    }
    return encode_fields({**letter.fields, "options": options})


def _batches(letters: Iterable[DeadLetter]) -> Iterator[list[DeadLetter]]:
    iterator = iter(letters)
    while batch := list(islice(iterator, BATCH_SIZE)):
        yield batch
