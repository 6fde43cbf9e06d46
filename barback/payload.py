"""Turns messages into bytes, and refuses what should not be a message."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.encoder import JSONEncoder
from dramatiq.message import get_encoder

from barback.errors import MessageRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The default for the largest message, in bytes.
DEFAULT_MAX_MESSAGE_BYTES = 1024 * 1024

# What dramatiq.encoder.JSONEncoder does, without making a new json.JSONEncoder for each message.
_encode_json = json.JSONEncoder(separators=(",", ":")).encode


def encode(message: dramatiq.Message[Any], max_bytes: int) -> bytes:
    """Encode a message.

    Parameters:
      message: The message.
      max_bytes: The largest size that is accepted.

    Raises:
      MessageRejected: When the arguments cannot be encoded, or the message is too large.
    """
    encoder = get_encoder()
    try:
        if type(encoder) is JSONEncoder:
            payload = _encode_json(message.__dict__).encode()
        else:
            payload = encoder.encode(message.asdict())
    except (TypeError, ValueError, UnicodeError) as error:
        raise MessageRejected(
            f"The arguments of {message} cannot be encoded: {error}. Pass plain data (text, "
            "numbers, lists, dictionaries), or an id under which the actor finds the rest."
        ) from error
    if len(payload) > max_bytes:
        raise MessageRejected(
            f"A message for actor {message.actor_name!r} has {len(payload):,} bytes; at most "
            f"{max_bytes:,} are allowed. Pass an id or a path instead of the data itself, or raise "
            "max_message_bytes of the broker."
        )
    return payload


def new_id() -> str:
    """An id for an entry in Redis: 128 random bits, as in a UUID."""
    return os.urandom(16).hex()


def new_ids(count: int) -> Iterator[str]:
    """Many ids at once."""
    digits = os.urandom(16 * count).hex()
    return (digits[start : start + 32] for start in range(0, len(digits), 32))
