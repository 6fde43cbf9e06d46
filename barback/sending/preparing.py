"""Prepares messages for Redis: gives them ids, and turns them into bytes."""

from __future__ import annotations

from reprlib import repr as short
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.common import current_millis, dq_name

from barback.durations import is_countable
from barback.errors import MessageRejected, UnencodableMessage, UnusableTime
from barback.messages.codec import encode_fields
from barback.messages.delivery import Delivery
from barback.messages.ids import MAX_PRIORITY, is_priority
from barback.messages.plain import plain_message
from barback.messages.tracebacks import end_of_traceback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dramatiq import MessageProxy

#: The default for the largest message, in bytes.
DEFAULT_MAX_MESSAGE_BYTES = 1024 * 1024


def encode(
    fields: dict[str, Any],
    max_bytes: int,
    encoder: Callable[[dict[str, Any]], bytes] = encode_fields,
) -> bytes:
    """Encode the fields of a message.

    Parameters:
      fields: The fields.
      max_bytes: The largest size that is accepted.
      encoder: Encodes them.

    Raises:
      UnencodableMessage: When the arguments cannot be encoded.
      MessageRejected: When the message is too large.
    """
    try:
        payload = encoder(fields)
    except Exception as error:  # whatever the user's encoder raises
        raise UnencodableMessage(
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


def check_delay(delay_ms: float | None) -> None:
    """Refuse a delay that is none.

    Raises:
      UnusableTime: When it is no finite number, or one that no clock reaches.
    """
    if delay_ms is not None and not is_countable(delay_ms):
        raise UnusableTime(
            f"Expected delay to be a finite number of milliseconds, got {delay_ms!r}."
        )


def delay_of(message: dramatiq.Message[Any] | MessageProxy, delay_ms: int | None) -> int | None:
    """How long a message is to wait. Without a delay an ``eta`` among its options counts, for which
    stock's workers wait, too: it may be one that was sent with a delay, and is sent anew.

    Raises:
      UnusableTime: As :func:`check_delay`.
    """
    eta = message.options.get("eta")
    if delay_ms is None and isinstance(eta, (int, float)):
        remaining_ms = eta - current_millis()
        check_delay(remaining_ms)
        return int(remaining_ms) if remaining_ms > 0 else None
    check_delay(delay_ms)
    return delay_ms


def token_ttl_ms(ttl_seconds: float) -> int:
    """For how many milliseconds a token is remembered.

    Raises:
      UnusableTime: When that is not at least one, or no such number.
    """
    if not is_countable(ttl_seconds) or int(ttl_seconds * 1000) < 1:
        raise UnusableTime(
            "Expected ttl_seconds to be a finite number of seconds, 0.001 or more, "
            f"got {ttl_seconds!r}."
        )
    return int(ttl_seconds * 1000)


def with_id(message: dramatiq.Message[Any] | MessageProxy, redis_id: str) -> dict[str, Any]:
    """The fields of a message as one entry in Redis.

    A message keeps its id when it is retried, so each of its entries needs one of its own.
    """
    options = {**message.options, "redis_message_id": redis_id}
    if isinstance(traceback := options.get("traceback"), str):  # of a retry
        options["traceback"] = end_of_traceback(traceback)
    return {
        "queue_name": message.queue_name,
        "actor_name": message.actor_name,
        "args": message.args,
        "kwargs": message.kwargs,
        "options": options,
        "message_id": message.message_id,
        "message_timestamp": message.message_timestamp,
    }


def as_sent(
    original: dramatiq.Message[Any] | MessageProxy, fields: dict[str, Any], delay_ms: int | None
) -> dramatiq.Message[Any]:
    """The message that middleware and callers see: of the class of the original, and a delayed one
    as stock Dramatiq shows it.
    """
    message: dramatiq.Message[Any] = (
        original.copy(options=fields["options"])
        if is_of_own_class(original)
        else plain_message(fields)
    )
    if delay_ms is None:
        return message
    return message.copy(
        queue_name=dq_name(message.queue_name), options={"eta": current_millis() + delay_ms}
    )


def is_of_own_class(message: dramatiq.Message[Any] | MessageProxy) -> bool:
    """Whether a message is of a class that the program has derived from Dramatiq's."""
    inner = (
        message.inner if isinstance(message, Delivery) else getattr(message, "_message", message)
    )
    return inner is not None and type(inner) is not dramatiq.Message


def encode_sent(fields: dict[str, Any], sent: dramatiq.Message[Any], max_bytes: int) -> bytes:
    """Encode a message after middleware has seen it.

    Parameters:
      fields: Its fields.
      sent: What middleware saw of it.
      max_bytes: The largest size that is accepted.

    Raises:
      MessageRejected: As :func:`encode`.
    """
    stored = _as_stored(fields, sent)
    if type(sent) is dramatiq.Message:
        return encode(stored, max_bytes)
    changed = {"queue_name": stored["queue_name"], "options": stored["options"]}
    return encode(stored, max_bytes, lambda _: sent._replace(**changed).encode())


def _as_stored(fields: dict[str, Any], sent: dramatiq.Message[Any]) -> dict[str, Any]:
    """The fields to store, with what middleware has added to the message that it was shown."""
    if sent.options is fields["options"]:
        return fields
    # When a delayed message is due, the server's clock decides, so no time travels with it.
    options = {name: value for name, value in sent.options.items() if name != "eta"}
    return {**fields, "options": options}


def priority_of(
    message: dramatiq.Message[Any] | MessageProxy, actors: Mapping[str, dramatiq.Actor[Any, Any]]
) -> int:
    """The priority of a message, or of its actor where the program knows it; lower is first.

    Raises:
      MessageRejected: When it is no whole number from -99 to 99.
    """
    priority = message.options.get("priority")
    if priority is None:
        actor = actors.get(message.actor_name)
        priority = 0 if actor is None else actor.priority
    if not is_priority(priority):
        raise MessageRejected(
            f"Expected the priority of actor {message.actor_name!r} or its message to be a whole "
            f"number from -{MAX_PRIORITY} to {MAX_PRIORITY}, got {priority!r}."
        )
    return priority or 0
