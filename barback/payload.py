"""Turns messages into bytes, and refuses what should not be a message."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.common import current_millis, dq_name
from dramatiq.encoder import JSONEncoder
from dramatiq.message import get_encoder

from barback.errors import MessageRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dramatiq import MessageProxy

#: The default for the largest message, in bytes.
DEFAULT_MAX_MESSAGE_BYTES = 1024 * 1024

# What dramatiq.encoder.JSONEncoder does, without making a new json.JSONEncoder for each message.
_encode_json = json.JSONEncoder(separators=(",", ":")).encode


def encode(fields: dict[str, Any], max_bytes: int) -> bytes:
    """Encode the fields of a message.

    Parameters:
      fields: The fields.
      max_bytes: The largest size that is accepted.

    Raises:
      MessageRejected: When the arguments cannot be encoded, or the message is too large.
    """
    encoder = get_encoder()
    try:
        if type(encoder) is JSONEncoder:
            payload = _encode_json(fields).encode()
        else:
            payload = encoder.encode(fields)
    except (TypeError, ValueError, UnicodeError) as error:
        raise MessageRejected(
            f"A message for actor {fields['actor_name']!r} cannot be encoded: {error}. Pass plain "
            "data (text, numbers, lists, dictionaries), or an id under which the actor finds the "
            f"rest. Got args={fields['args']!r:.200}, kwargs={fields['kwargs']!r:.200}."
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


def new_id() -> str:
    """An id for an entry in Redis: 128 random bits, as in a UUID."""
    return os.urandom(16).hex()


def new_ids(count: int) -> Iterator[str]:
    """Many ids at once."""
    digits = os.urandom(16 * count).hex()
    return (digits[start : start + 32] for start in range(0, len(digits), 32))
