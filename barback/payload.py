"""Turns messages into bytes, and refuses what should not be a message."""

from __future__ import annotations

import os
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.common import current_millis, dq_name

from barback.codec import encode_fields
from barback.errors import MessageRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dramatiq import MessageProxy

#: The default for the largest message, in bytes.
DEFAULT_MAX_MESSAGE_BYTES = 1024 * 1024


def encode(fields: dict[str, Any], max_bytes: int) -> bytes:
    """Encode the fields of a message.

    Parameters:
      fields: The fields.
      max_bytes: The largest size that is accepted.

    Raises:
      MessageRejected: When the arguments cannot be encoded, or the message is too large.
    """
    try:
        payload = encode_fields(fields)
    except Exception as error:  # whatever the user's encoder raises
        raise MessageRejected(
            f"A message for actor {fields['actor_name']!r} cannot be encoded: {error}. Pass plain "
            "data (text, numbers, lists, dictionaries), or an id under which the actor finds the "
            f"rest. Got args={short(fields['args'])}, kwargs={short(fields['kwargs'])}."
        ) from error
    if len(payload) > max_bytes:
        raise MessageRejected(
            f"A message for actor {fields['actor_name']!r} has {len(payload):,} bytes; at most "
            f"{max_bytes:,} are allowed. Pass an id or a path instead of the data itself, or raise "
            "max_message_bytes of the broker."
        )
    return payload


def with_id(message: dramatiq.Message[Any] | MessageProxy, redis_id: str) -> dict[str, Any]:
    """The fields of a message as one entry in Redis.

    A message keeps its id when it is retried, so each of its entries needs one of its own.
    """
    return {
        "queue_name": message.queue_name,
        "actor_name": message.actor_name,
        "args": message.args,
        "kwargs": message.kwargs,
        "options": {**message.options, "redis_message_id": redis_id},
        "message_id": message.message_id,
        "message_timestamp": message.message_timestamp,
    }


def as_sent(fields: dict[str, Any], delay_ms: int | None) -> dramatiq.Message[Any]:
    """The message that middleware and callers see: a delayed one as stock Dramatiq shows it."""
    message: dramatiq.Message[Any] = dramatiq.Message(**fields)
    if delay_ms is None:
        return message
    return message.copy(
        queue_name=dq_name(message.queue_name), options={"eta": current_millis() + delay_ms}
    )


def as_stored(fields: dict[str, Any], sent: dramatiq.Message[Any]) -> dict[str, Any]:
    """The fields to store, with what middleware has added to the message that it was shown."""
    if sent.options is fields["options"]:
        return fields
    # When a delayed message is due, the server's clock decides, so no time travels with it.
    options = {name: value for name, value in sent.options.items() if name != "eta"}
    return {**fields, "options": options}


def new_id() -> str:
    """An id for an entry in Redis: 128 random bits, as in a UUID."""
    return os.urandom(16).hex()


def new_ids(count: int) -> Iterator[str]:
    """Many ids at once."""
    digits = os.urandom(16 * count).hex()
    return (digits[start : start + 32] for start in range(0, len(digits), 32))
