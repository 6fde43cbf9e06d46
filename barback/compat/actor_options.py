"""Refuses options of actors that Dramatiq takes as they are, and that fail in a worker."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING, Any

from barback.errors import InvalidOption
from barback.messages.ids import MAX_PRIORITY, is_priority

if TYPE_CHECKING:
    from collections.abc import Callable

    import dramatiq


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not math.isnan(value)


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_name_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _can_be_caught(value: object) -> bool:
    """Whether Dramatiq can ask if an error is one of these. Else its worker's thread dies of it,
    and the message is gone.
    """
    try:
        isinstance(None, value or ())  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


_MILLISECONDS = "a number of milliseconds"
_NAME = "the name of an actor"

_EXPECTED: dict[str, tuple[Callable[[object], bool], str]] = {
    "max_age": (_is_number_or_none, _MILLISECONDS),
    "max_backoff": (_is_number, _MILLISECONDS),
    "max_retries": (_is_number_or_none, "a number"),
    "min_backoff": (_is_number, _MILLISECONDS),
    "on_failure": (_is_name_or_none, _NAME),
    "on_retry_exhausted": (_is_name_or_none, _NAME),
    "on_success": (_is_name_or_none, _NAME),
    "priority": (is_priority, f"a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}"),
    "result_ttl": (lambda value: isinstance(value, int), "a whole number of milliseconds"),
    "retry_when": (lambda value: value is None or callable(value), "a function"),
    "throws": (_can_be_caught, "a class of errors, or a tuple of them"),
    "time_limit": (_is_number, _MILLISECONDS),
}


def check_actor_options(actor: dramatiq.Actor[Any, Any]) -> None:
    """Check the options that Dramatiq's own middleware reads, when an actor is declared.

    Raises:
      InvalidOption: When one is something else than expected.
    """
    for name, value in [("priority", actor.priority), *actor.options.items()]:
        is_right, expected = _EXPECTED.get(name, (None, ""))
        if is_right is not None and not is_right(value):
            raise InvalidOption(
                f"Expected option {name} of actor {actor.actor_name!r} to be {expected}, "
                f"got {value!r}."
            )
