"""Messages as they may be shown: cut, redacted, and without anything that steers a page."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barback.board.texts import gettext as _
from barback.errors import UndecodablePayload
from barback.messages.encoding import decode_fields
from barback.printable import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    #: Takes the name of an actor, positional and keyword arguments; returns what may be shown.
    Redact = Callable[[str, list[Any], dict[str, Any]], tuple[list[Any], dict[str, Any]]]

#: How much of a message's arguments is shown in a list, in characters.
LIST_CHARACTERS = 160

#: How much of them is shown on a page of their own, in characters.
PAGE_CHARACTERS = 20_000

#: Larger payloads are not even fetched for a list, in bytes.
MAX_LISTED_BYTES = 65_536


@dataclass(frozen=True)
class ShownMessage:
    """A message in a list or on its page.

    Parameters:
      id: The id of its entry in Redis, by which it is found.
      queue_name: The queue.
      actor_name: The actor, or None when the payload is no message or was too large to fetch.
      arguments: The arguments, cut.
      sent_at: When it was sent, as a Unix time in seconds by its producer's clock, or None.
      retries: How often it has failed before.
      last_error: The last line of the last traceback, or None.
      size_bytes: How large it is in Redis.
      due_at: When it is due, as a Unix time in seconds, or None where it is not delayed.
    """

    id: str
    queue_name: str
    actor_name: str | None
    arguments: str
    sent_at: float | None
    retries: int
    last_error: str | None
    size_bytes: int
    due_at: float | None = None


def no_redaction(
    actor_name: str,  # noqa: ARG001 - the signature of Redact
    args: list[Any],
    kwargs: dict[str, Any],
) -> tuple[list[Any], dict[str, Any]]:
    """Shows all arguments."""
    return args, kwargs


def shown_message(
    redis_id: str,
    queue_name: str,
    payload: bytes | None,
    redact: Redact,
    *,
    size_bytes: int,
    characters: int = LIST_CHARACTERS,
    due_at: float | None = None,
) -> ShownMessage:
    """A message, whatever somebody has stored there."""
    fields = None if payload is None else decoded(payload)
    if fields is None:
        text = _raw(payload, redact, characters)
        return ShownMessage(redis_id, queue_name, None, text, None, 0, None, size_bytes, due_at)
    options = fields["options"]
    retries = options.get("retries", 0)
    return ShownMessage(
        id=redis_id,
        queue_name=queue_name,
        actor_name=printable(str(fields["actor_name"])),
        arguments=arguments_of(fields, redact, characters),
        sent_at=_seconds(fields["message_timestamp"]),
        retries=retries if isinstance(retries, int) else 0,
        last_error=last_line(options.get("traceback")),
        size_bytes=size_bytes,
        due_at=due_at,
    )


def _raw(payload: bytes | None, redact: Redact, characters: int) -> str:
    """What is shown of a payload in which no arguments can be told."""
    if payload is None:
        return _("(too large for a list)")
    if redact is not no_redaction:
        return _("(the redaction of this message failed)")
    text = printable(payload[:PAGE_CHARACTERS].decode(errors="backslashreplace"))
    return _cut(text, characters)


def arguments_of(fields: dict[str, Any], redact: Redact, characters: int) -> str:
    """The arguments of a message as a call would have them: ``1, "two", three=3``."""
    args, kwargs = redacted(fields, redact)
    positional = (as_json(value) for value in args)
    named = (f"{printable(str(name))}={as_json(value)}" for name, value in kwargs.items())
    return _cut(", ".join((*positional, *named)), characters)


def redacted(fields: dict[str, Any], redact: Redact) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that may be shown; none where the hook fails. It may write into what it gets:
    that is a copy, all the way down, since the message itself may be sent again.
    """
    if redact is no_redaction:
        return fields["args"], fields["kwargs"]
    try:
        args, kwargs = redact(fields["actor_name"], *deepcopy((fields["args"], fields["kwargs"])))
        return list(args), dict(kwargs)
    except Exception:  # noqa: BLE001 - of whoever wrote the hook; what it was to hide stays hidden
        return [_("(the redaction of this message failed)")], {}


def decoded(payload: bytes) -> dict[str, Any] | None:
    """The fields of a message, or None when it is none."""
    try:
        return decode_fields(payload)
    except UndecodablePayload:
        return None


def last_line(text: object, characters: int = LIST_CHARACTERS) -> str | None:
    """The last line of a traceback, which names the error."""
    lines = str(text or "").strip().splitlines()
    return _cut(printable(lines[-1]), characters) if lines else None


def shown_lines(text: str | None) -> str | None:
    """A text with lines, such as a traceback, cut at its beginning."""
    return None if text is None else printable_lines(text[-PAGE_CHARACTERS:])


def as_json(value: Any) -> str:
    """A value of a message, on one line."""
    return printable(json.dumps(value, ensure_ascii=False, default=repr))


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"


def _seconds(value: object) -> float | None:
    """A producer's time; others may have written anything there."""
    is_time = isinstance(value, int | float) and 0 <= value < 1e14  # noqa: PLR2004 - year 5138
    return value / 1000 if is_time else None  # type: ignore[operator]
