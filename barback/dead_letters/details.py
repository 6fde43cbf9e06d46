"""What is written down about a message that became a dead letter."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Literal

from dramatiq.errors import ActorNotFound
from dramatiq.middleware import SkipMessage

from barback.errors import WorkersDied
from barback.messages.tracebacks import end_of_traceback
from barback.printable import described, shortened

if TYPE_CHECKING:
    from barback.messages.delivery import Delivery

Reason = Literal["failed", "unknown actor", "undecodable", "worker died", "expired"]

#: The longest error that is kept, in characters: some have a whole document in them.
MAX_ERROR_CHARACTERS = 2_000


def describe_failure(delivery: Delivery) -> str:
    """The death of a message that its actor could not process."""
    error = delivery._exception  # noqa: SLF001 - where Dramatiq's worker puts it
    return _describe(
        _REASONS.get(type(error), "failed"),
        error=None if error is None else described(error),
        traceback_text=_traceback_of(error) or delivery.options.get("traceback"),
        deliveries=delivery.crashes + _as_count(delivery.earlier_retries) + 1,
    )


def describe_undecodable(error: Exception, crashes: int) -> str:
    """The death of a payload that is no message."""
    return _describe("undecodable", error=str(error), deliveries=crashes + 1)


_REASONS: dict[type[object], Reason] = {
    ActorNotFound: "unknown actor",
    WorkersDied: "worker died",
    # Of all that skip a message, only Dramatiq's age limit fails it, too.
    SkipMessage: "expired",
}


def _describe(
    reason: Reason, *, error: str | None, deliveries: int, traceback_text: str | None = None
) -> str:
    return json.dumps(
        {
            "reason": reason,
            "error": error and shortened(error, MAX_ERROR_CHARACTERS),
            "traceback": traceback_text and end_of_traceback(traceback_text),
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
