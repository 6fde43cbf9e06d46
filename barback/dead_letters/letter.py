"""One dead letter, read from what workers, or others, stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from dramatiq.common import current_millis

from barback.errors import UndecodablePayload
from barback.messages.codec import encode_fields
from barback.messages.encoding import decode_fields
from barback.store.records import count_in, read_record

#: Ids are text, but what others stored need not be: it is kept and found all the same.
_KEEP_BYTES = "surrogateescape"

#: What a message's earlier failures left in its options.
_TRACES_OF_FAILURE = ("retries", "traceback", "requeue_timestamp")


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up.

    Parameters:
      id: The id of its entry in Redis, by which it is requeued or deleted.
      queue_name: The queue that it was in.
      died_at: When it was given up, as a Unix time in seconds, by the server's clock.
      reason: ``failed``, ``unknown actor``, ``undecodable``, ``worker died`` or
        ``expired``: older than its actor's `max_age`.
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

    @classmethod
    def read(
        cls,
        queue_name: str,
        redis_id: bytes,
        died_at_ms: float,
        payload: bytes,
        raw_details: bytes | None,
    ) -> Self:
        """Read what is stored, whatever it is: a bad entry must hide no neighbour."""
        fields = _decode_or_none(payload)
        options = fields["options"] if fields else {}
        details = read_record(raw_details)
        return cls(
            id=redis_id.decode(errors=_KEEP_BYTES),
            queue_name=queue_name,
            died_at=died_at_ms / 1000,
            # Stock Dramatiq keeps no details, but the traceback is in the message.
            reason=_text(details.get("reason")) or "failed",
            error=_text(details.get("error")),
            traceback=_text(details.get("traceback") or options.get("traceback")),
            deliveries=count_in(details, "deliveries") or 1,
            payload=payload,
            fields=fields,
        )

    @property
    def actor_name(self) -> str | None:
        return self.fields["actor_name"] if self.fields else None

    @property
    def redis_id(self) -> bytes:
        return as_redis_id(self.id)

    def fresh_payload(self) -> bytes:
        """The message as if it had just been sent, for the first time."""
        if self.fields is None:
            return self.payload
        options = {
            name: value
            for name, value in self.fields["options"].items()
            if name not in _TRACES_OF_FAILURE
        }
        fields = {**self.fields, "options": options, "message_timestamp": current_millis()}
        return encode_fields(fields)


def as_redis_id(letter_id: str) -> bytes:
    """The bytes of an id, or of the beginning of one."""
    return letter_id.encode(errors=_KEEP_BYTES)


def _decode_or_none(payload: bytes) -> dict[str, Any] | None:
    try:
        return decode_fields(payload)
    except UndecodablePayload:
        return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
