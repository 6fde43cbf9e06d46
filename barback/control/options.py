"""What an actor may want of its messages, and how it travels with them."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from barback.durations import check_duration
from barback.errors import InvalidKey, InvalidOption
from barback.messages.room import Room
from barback.printable import described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import dramatiq

Until = Literal["start", "end"]
OnConflict = Literal["return", "raise", "replace"]
OnCancel = Literal["ask", "interrupt"]


@dataclass(frozen=True)
class Unique:
    """One message at a time: while one is on its way, another one with the same key is not sent.

    Parameters:
      key: Makes the key of the arguments of a message, or None for one that keeps nobody away; by
        default, all of them are the key.
      until: Until when a message keeps others away: it has ended for good ("end"; between its
        retries it has not), or a worker starts it ("start").
      for_seconds: How long it keeps them away at the least, from when it was sent, in seconds.
      on_conflict: What another send does: ``"return"`` the message that is on its way, ``"raise"``
        :class:`barback.errors.AlreadyEnqueued`, or ``"replace"`` the one that is on its way, if it
        has not started.

    Raises:
      ValueError: When one of these is something else.
    """

    key: Callable[..., object] | None = None
    until: Until = "end"
    for_seconds: float = 0
    on_conflict: OnConflict = "return"

    def __post_init__(self) -> None:
        _expect_one_of("until", self.until, get_args(Until))
        _expect_one_of("on_conflict", self.on_conflict, get_args(OnConflict))
        check_duration("for_seconds", self.for_seconds, may_be_0=True)


@dataclass(frozen=True)
class Limit:
    """At most so many messages at a time, or in a time, over all workers.

    A message that has to wait for another one's end holds no thread and loses no retry.

    Parameters:
      key: What is limited: a name, or a function that makes one of the arguments of a message, or
        None for one that is not limited. Actors that name the same share it, on whatever queues;
        on a cluster, those of each queue for themselves, of which workers warn.
      at_once: How many may run at the same time, or None for any number.
      rate: How many may start within `per_seconds`, or None for any number.
      per_seconds: See `rate`; in seconds.

    Raises:
      ValueError: When they limit nothing, or not by whole numbers from 1.
    """

    key: str | Callable[..., object]
    at_once: int | None = None
    rate: int | None = None
    per_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.at_once is None and self.rate is None:
            raise ValueError("Expected at_once or rate to be given, got neither.")
        for name in ("at_once", "rate"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise ValueError(f"Expected {name} to be a whole number from 1, got {value!r}.")
        check_duration("per_seconds", self.per_seconds)


def check_options(actor: dramatiq.Actor[Any, Any]) -> None:
    """Check what an actor wants, when it is declared.

    Raises:
      InvalidOption: When it is something else than expected.
    """
    for name, kind in (("unique", Unique), ("limit", Limit)):
        value = actor.options.get(name)
        if value is not None and not isinstance(value, kind):
            raise InvalidOption(
                f"Expected option {name} of actor {actor.actor_name!r} to be a "
                f"barback.control.{kind.__name__}, got {value!r}."
            )
    on_cancel = actor.options.get("on_cancel", "ask")
    _expect_one_of(f"option on_cancel of actor {actor.actor_name!r}", on_cancel, get_args(OnCancel))


def control_of(
    actor: dramatiq.Actor[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any] | None:
    """What a message takes along of what its actor wants; None when that is nothing.

    Raises:
      InvalidKey: When a key cannot be made of the arguments.
    """
    unique: Unique | None = actor.options.get("unique")
    if unique is None:
        return None
    key = _unique_key(actor, unique, args, kwargs)
    if key is None:
        return None
    control: dict[str, Any] = {
        "unique": f"{actor.actor_name}:{_as_text(actor, key)}",
        "conflict": unique.on_conflict,
    }
    if unique.for_seconds:
        control["hold_ms"] = int(unique.for_seconds * 1000)
    if unique.until == "start":
        control["until_start"] = True
    return control


def room_for(
    actor: dramatiq.Actor[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Room | None:
    """How much room a message has under its actor's limit; None when it has none.

    It is asked by the worker, whose limit counts, whoever has sent the message.

    Raises:
      InvalidKey: When a key cannot be made of the arguments.
    """
    limit: Limit | None = actor.options.get("limit")
    key = None if limit is None else _limit_key(actor, limit, args, kwargs)
    if limit is None or key is None:
        return None
    rate_ms = max(1, int(limit.per_seconds * 1000)) if limit.rate else 0
    return Room(_as_text(actor, key), limit.at_once or 0, limit.rate or 0, rate_ms)


def queues_by_shared_limit(
    actors: Iterable[dramatiq.Actor[Any, Any]],
) -> dict[str, list[str]]:
    """The limits that actors on several queues share: key, or the name of the function that makes
    it → queues.
    """
    queues: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for actor in actors:
        limit: Limit | None = actor.options.get("limit")
        if limit is None:
            continue
        if isinstance(limit.key, str):
            queues[limit.key, 0].add(actor.queue_name)
        else:
            name = getattr(limit.key, "__qualname__", repr(limit.key))
            queues[name, id(limit.key)].add(actor.queue_name)
    return {key: sorted(names) for (key, _), names in queues.items() if len(names) > 1}


def _limit_key(
    actor: dramatiq.Actor[Any, Any], limit: Limit, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> object:
    return _call(actor, limit.key, args, kwargs) if callable(limit.key) else limit.key


def _unique_key(
    actor: dramatiq.Actor[Any, Any], unique: Unique, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> object:
    if unique.key is not None:
        return _call(actor, unique.key, args, kwargs)
    try:  # f(1, 2) and f(1, b=2) are the same
        bound = inspect.signature(actor.fn).bind(*args, **kwargs)
        bound.apply_defaults()
        arguments: Any = bound.arguments
    except (TypeError, ValueError):  # they do not fit; the actor will say so
        arguments = [args, kwargs]
    text = json.dumps(arguments, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _call(
    actor: dramatiq.Actor[Any, Any],
    function: Callable[..., object],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> object:
    try:
        return function(*args, **kwargs)
    except Exception as error:
        raise _invalid_key(actor, error) from error


def _as_text(actor: dramatiq.Actor[Any, Any], key: object) -> str:
    """A key as Redis can hold it: not with half of a character, as JSON may have it."""
    try:
        text = str(key)
        text.encode()
    except Exception as error:
        raise _invalid_key(actor, error) from error
    return text


def _invalid_key(actor: dramatiq.Actor[Any, Any], error: Exception) -> InvalidKey:
    return InvalidKey(
        f"The key of a message for actor {actor.actor_name!r} cannot be made of its arguments: "
        f"{described(error)}"
    )


def _expect_one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        known = ", ".join(map(repr, choices))
        raise InvalidOption(f"Expected {name} to be one of {known}, got {value!r}.")
