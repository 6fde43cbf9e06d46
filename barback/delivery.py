"""A message on its way through a worker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import dramatiq
from dramatiq import MessageProxy
from dramatiq.errors import DecodeError


class UndecodablePayload(Exception):  # noqa: N818
    """The bytes in the queue are no message."""


@dataclass(frozen=True)
class FollowUp:
    """A message that is to be sent in the same step that finishes another one.

    Parameters:
      redis_id: The id of its entry in Redis.
      payload: The encoded message.
      delay_ms: When it is due, in milliseconds from then on, or None for at once.
    """

    redis_id: str
    payload: bytes
    delay_ms: int | None


class Delivery(MessageProxy):
    """A message that this worker holds.

    Attributes:
      redis_id: The id of its entry in Redis.
      losses: How often a worker died while it held this message.
      follow_ups: What is sent when this message is finished: its retry, as a rule.
      is_alone: Whether this process runs no other dangerous message beside it.
    """

    # Plain attributes: MessageProxy looks each of them up in the message through __getattr__,
    # which is ten times slower, and a worker reads them a dozen times for each message.
    def __init__(self, message: dramatiq.Message[Any], redis_id: str, losses: int = 0) -> None:
        self.failed = False
        self._message = message
        self._exception = None
        self.queue_name = message.queue_name
        self.actor_name = message.actor_name
        self.args = message.args
        self.kwargs = message.kwargs
        self.options = message.options
        self.message_id = message.message_id
        self.message_timestamp = message.message_timestamp
        self.redis_id = redis_id
        self.losses = losses
        self.follow_ups: list[FollowUp] = []
        self.is_alone = False


def decode(payload: bytes, *, redis_id: str, queue_name: str, losses: int = 0) -> Delivery:
    """Make a delivery of what stood in the queue.

    Raises:
      UndecodablePayload: When it is not a message.
    """
    message = decode_message(payload)
    options = message.options
    if message.queue_name != queue_name or "eta" in options or "redis_message_id" not in options:
        # Another program may have put it there by hand, or stock Dramatiq delayed it. A worker
        # finds the consumer to acknowledge to by the name of the queue.
        options = {name: value for name, value in options.items() if name != "eta"}
        options["redis_message_id"] = redis_id
        message = replace(message, queue_name=queue_name, options=options)
    return Delivery(message, redis_id, losses)


def decode_message(payload: bytes) -> dramatiq.Message[Any]:
    """Decode a message and check that it has the shape of one.

    Raises:
      UndecodablePayload: When it has not.
    """
    try:
        message: dramatiq.Message[Any] = dramatiq.Message.decode(payload)
    except DecodeError as error:
        raise UndecodablePayload(f"{type(error.error).__name__}: {error.error}") from None
    for field, expected in _FIELD_TYPES:
        value = getattr(message, field)
        if not isinstance(value, expected):
            raise UndecodablePayload(
                f"expected {field} to be a {expected.__name__}, got {value!r:.100}"
            )
    return message


_FIELD_TYPES = (
    ("queue_name", str),
    ("actor_name", str),
    ("kwargs", dict),
    ("options", dict),
    ("message_id", str),
    ("message_timestamp", int),
)
