"""Dead letters: to look at, to send again, to delete."""

from __future__ import annotations

import itertools
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from barback.dead_letters.letter import DeadLetter, as_redis_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from barback.connection.script import Argument
    from barback.store.store import HasStore

#: How many dead letters are read or changed in one step.
BATCH_SIZE = 100

#: How many bytes of payloads are read or changed in one step, unless a single one has more.
MAX_BATCH_BYTES = 1_048_576

#: What means something in a pattern of Redis.
_GLOB_CHARACTERS = re.compile(rb"[*?\[\]\\]")


class DeadLetters:
    """The dead letters of one queue.

    Parameters:
      broker: The broker.
      queue_name: The queue.
    """

    def __init__(self, broker: HasStore, queue_name: str) -> None:
        self._store = broker.store
        self._queue_name = queue_name
        self._keys = broker.store.keys(queue_name)

    def __len__(self) -> int:
        return int(self._store.client.zcard(self._keys.dead))

    def __iter__(self) -> Iterator[DeadLetter]:
        """The dead letters, the latest first. For a look: those that come or go meanwhile may
        shift the rest.
        """
        for start in itertools.count(0, BATCH_SIZE):
            end = start + BATCH_SIZE - 1
            ids: Any = self._store.client.zrange(self._keys.dead, start, end, desc=True)
            if not ids:
                return
            yield from self._read(ids)

    def scan(self) -> Iterator[DeadLetter]:
        """The dead letters in no order, each one at least once, whatever comes or goes."""
        yield from self._scan(None)

    def get(self, letter_id: str) -> DeadLetter | None:
        """One dead letter, or None when there is none of that id."""
        return next(self._read([as_redis_id(letter_id)]), None)

    def beginning_with(self, prefix: str) -> Iterator[DeadLetter]:
        """The dead letters whose ids begin with some characters, each one at least once."""
        pattern = _GLOB_CHARACTERS.sub(rb"\\\g<0>", as_redis_id(prefix)) + b"*"
        yield from self._scan(pattern)

    def requeue(self, letters: Iterable[DeadLetter]) -> Iterator[int]:
        """Put dead letters back into their queue, with all their retries before them again.

        Each batch is one atomic step, made when the iterator is advanced.

        Yields:
          How many were put back in each step: those that nobody else had removed meanwhile.
        """
        calls = self._store.calls(self._queue_name)
        for batch in _batches(letters):
            args: list[Argument] = []
            for letter in batch:
                args += (letter.redis_id, letter.fresh_payload())
            yield calls.requeue_dead(args)

    def delete(self, letters: Iterable[DeadLetter]) -> Iterator[int]:
        """Delete dead letters for good.

        Yields:
          How many were deleted in each step.
        """
        calls = self._store.calls(self._queue_name)
        for batch in _batches(letters):
            yield calls.delete_dead([letter.redis_id for letter in batch])

    def _scan(self, pattern: bytes | None) -> Iterator[DeadLetter]:
        found = self._store.client.zscan_iter(self._keys.dead, match=pattern, count=1000)
        ids = (redis_id for redis_id, _ in found)
        while batch := list(islice(ids, BATCH_SIZE)):
            yield from self._read(batch)

    def _read(self, ids: list[Any]) -> Iterator[DeadLetter]:
        with self._store.client.pipeline(transaction=False) as pipeline:
            pipeline.zmscore(self._keys.dead, ids)
            pipeline.hmget(self._keys.dead_details, ids)
            rows = zip(ids, *pipeline.execute(), self._payloads(ids), strict=True)
        for redis_id, died_at_ms, raw_details, payload in rows:
            if died_at_ms is not None and payload is not None:
                yield DeadLetter.read(self._queue_name, redis_id, died_at_ms, payload, raw_details)

    def _payloads(self, ids: list[Any]) -> Iterator[bytes | None]:
        calls = self._store.calls(self._queue_name)
        while ids:
            payloads = calls.read_dead(ids, MAX_BATCH_BYTES)
            yield from payloads
            ids = ids[len(payloads) :]


def _batches(letters: Iterable[DeadLetter]) -> Iterator[list[DeadLetter]]:
    batch: list[DeadLetter] = []
    batch_bytes = 0
    for letter in letters:
        batch.append(letter)
        batch_bytes += len(letter.payload)
        if len(batch) == BATCH_SIZE or batch_bytes >= MAX_BATCH_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch
