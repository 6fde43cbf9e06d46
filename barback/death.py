"""What is written down about a message that became a dead letter."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Literal

from dramatiq.errors import ActorNotFound

if TYPE_CHECKING:
    from barback.delivery import Delivery, UndecodablePayload

Reason = Literal["failed", "unknown actor", "undecodable", "worker died"]

#: The longest traceback that is kept, in characters. Its end tells the most.
MAX_TRACEBACK_CHARACTERS = 20_000


def describe_failure(delivery: Delivery) -> str:
    """The death of a message that its actor could not process."""
    error = delivery._exception  # noqa: SLF001 - where Dramatiq's worker puts it
    return _describe(
        "unknown actor" if isinstance(error, ActorNotFound) else "failed",
        error=f"{type(error).__name__}: {error}" if error else None,
        traceback_text=_traceback_of(error) or delivery.options.get("traceback"),
        deliveries=delivery.losses + _as_count(delivery.earlier_retries) + 1,
    )


def describe_undecodable(error: UndecodablePayload, losses: int) -> str:
    """The death of a payload that is no message."""
    return _describe("undecodable", error=str(error), deliveries=losses + 1)


def describe_lost_workers(count: int) -> str:
    """The death of a message that killed every worker that started it."""
    error = f"{count} workers died while they held this message."
    return _describe("worker died", error=error, deliveries=count)


def _describe(
    reason: Reason, *, error: str | None, deliveries: int, traceback_text: str | None = None
) -> str:
    return json.dumps(
        {
            "reason": reason,
            "error": error,
            "traceback": traceback_text and traceback_text[-MAX_TRACEBACK_CHARACTERS:],
            "deliveries": deliveries,
        }
    )


def _as_count(value: object) -> int:
    """Anything may stand in the options of a message that came from elsewhere."""
    return value if isinstance(value, int) else 0


def _traceback_of(error: BaseException | None) -> str | None:
    if error is None or error.__traceback__ is None:
        return None
    return "".join(traceback.format_exception(error))
