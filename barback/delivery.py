"""A message on its way through a worker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dramatiq
from dramatiq import MessageProxy

from barback.codec import decode_bytes


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

    Parameters:
      fields: The decoded fields of the message.
      redis_id: The id of its entry in Redis.
      losses: How often a worker died while it held this message.

    Attributes:
      follow_ups: What is sent when this message is finished: its retry, as a rule.
      is_alone: Whether this process runs no other dangerous message beside it.
    """

    # Plain attributes: MessageProxy looks each of them up in the message through __getattr__,
    # which is ten times slower, and a worker reads them a dozen times for each message.
    def __init__(self, fields: dict[str, Any], redis_id: str, losses: int = 0) -> None:
        self.failed = False
        self._exception = None
        self.queue_name = fields["queue_name"]
        self.actor_name = fields["actor_name"]
        self.args = tuple(fields["args"])
        self.kwargs = fields["kwargs"]
        self.options = fields["options"]
        self.message_id = fields["message_id"]
        self.message_timestamp = fields["message_timestamp"]
        self.redis_id = redis_id
        self.losses = losses
        # As it arrived: the retry middleware counts on in the options.
        self.earlier_retries = self.options.get("retries")
        self.follow_ups: list[FollowUp] = []
        self.is_alone = False

    @cached_property
    def _message(self) -> dramatiq.Message[Any]:  # type: ignore[override]
        """The message itself, which is made only when somebody wants more than its fields."""
        return dramatiq.Message(
            self.queue_name,
            self.actor_name,
            self.args,
            self.kwargs,
            self.options,
            self.message_id,
            self.message_timestamp,
        )


def decode(payload: bytes, *, redis_id: str, queue_name: str, losses: int = 0) -> Delivery:
    """Make a delivery of what stood in the queue.

    Raises:
      UndecodablePayload: When it is not a message.
    """
    fields = decode_fields(payload)
    options = fields["options"]
    # Another program may have put it there by hand, or stock Dramatiq delayed it. A worker finds
    # the consumer to acknowledge to by the name of the queue.
    fields["queue_name"] = queue_name
    options.pop("eta", None)
    options.setdefault("redis_message_id", redis_id)
    return Delivery(fields, redis_id, losses)


def decode_fields(payload: bytes) -> dict[str, Any]:
    """Decode a message and check that it has the shape of one.

    Raises:
      UndecodablePayload: When it has not.
    """
    try:
        fields = decode_bytes(payload)
    except Exception as error:  # noqa: BLE001 - whatever the user's encoder raises
        raise UndecodablePayload(f"{type(error).__name__}: {error}") from None
    if not isinstance(fields, dict):
        raise UndecodablePayload(f"expected an object, got {fields!r:.100}")
    for name, types in _FIELD_TYPES:
        value = fields.get(name)
        if not isinstance(value, types):
            raise UndecodablePayload(f"expected a message's {name}, got {value!r:.100}")
    return fields


_FIELD_TYPES: tuple[tuple[str, type | tuple[type, ...]], ...] = (
    ("queue_name", str),
    ("actor_name", str),
    ("args", (list, tuple)),
    ("kwargs", dict),
    ("options", dict),
    ("message_id", str),
    ("message_timestamp", int),
)
