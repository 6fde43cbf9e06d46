"""Messages of which one at a time is enough: their claim is a part of sending them."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from barback.errors import AlreadyEnqueued
from barback.store.ended import KEEP_COUNT, KEEP_MS

if TYPE_CHECKING:
    import dramatiq

    from barback.store.calls import Guard


def is_unique(message: dramatiq.Message[Any]) -> bool:
    """Whether a message has a unique key."""
    control = message.options.get("control")
    return control is not None and "unique" in control


def with_unique_key(guard: Guard, message: dramatiq.Message[Any]) -> Guard:
    """The guard of a message, with its unique key where it has one."""
    if not is_unique(message):
        return guard
    control = message.options["control"]
    replaces = control.get("conflict") == "replace"
    return dataclasses.replace(
        guard,
        unique_key=control["unique"],
        hold_ms=control.get("hold_ms", 0),
        replacing=_replaced_record(message) if replaces else "",
        ttl_ms=KEEP_MS,
        max_count=KEEP_COUNT,
    )


def in_place_of(
    sent: dramatiq.Message[Any], redis_id: str, message_id: str
) -> dramatiq.Message[Any]:
    """What a sender gets for a message that was not sent, since another one has its unique key.

    Raises:
      AlreadyEnqueued: When the actor wants that.
    """
    control = sent.options["control"]
    if control.get("conflict") == "raise":
        raise AlreadyEnqueued(
            f"A message for actor {sent.actor_name!r} with the unique key {control['unique']!r} "
            f"is on its way already: {message_id}.",
            message_id=message_id,
            redis_id=redis_id,
        )
    return sent.copy(message_id=message_id, options={"redis_message_id": redis_id})


def _replaced_record(message: dramatiq.Message[Any]) -> str:
    return json.dumps(
        {
            "state": "cancelled",
            "message_id": "%id%",
            "actor_name": message.actor_name,
            "ttl_ms": KEEP_MS,
            "reason": f"replaced by {message.message_id}",
            "was_ignored": False,
        }
    )
