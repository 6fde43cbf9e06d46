"""Turns bytes into the fields of a message, and refuses what is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from barback.errors import UndecodablePayload
from barback.messages.codec import decode_bytes
from barback.printable import described

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELD_TYPES: tuple[tuple[str, type | tuple[type, ...]], ...] = (
    ("queue_name", str),
    ("actor_name", str),
    ("args", (list, tuple)),
    ("kwargs", dict),
    ("options", dict),
    ("message_id", str),
    ("message_timestamp", (int, float)),
)

#: A message as this package and stock Dramatiq write it: these two are compared in one step each,
#: and only another one is looked at field by field.
_USUAL_NAMES = [name for name, _ in _FIELD_TYPES]
_USUAL_TYPES = [str, str, list, dict, dict, str, int]

_NUMBER = (int, float, type(None))
_TEXT = (str, type(None))

#: What Dramatiq, its middleware and this package read from a message's options, and of which
#: types it has to be: another one would fail somewhere in a worker's thread, and end it.
_OPTION_TYPES: dict[str, tuple[type, ...]] = {
    "control": (dict, type(None)),
    "eta": _NUMBER,
    "group_callbacks": (list, tuple, type(None)),
    "group_completion_callbacks": (list, tuple, type(None)),
    "group_completion_uuid": _TEXT,
    "max_age": _NUMBER,
    "max_attempts": _NUMBER,
    "max_backoff": _NUMBER,
    "max_retries": _NUMBER,
    "min_backoff": _NUMBER,
    "on_failure": _TEXT,
    "on_retry_exhausted": _TEXT,
    "on_success": _TEXT,
    "pipe_target": (dict, type(None)),
    "priority": (int, type(None)),
    "redis_message_id": _TEXT,
    "requeue_timestamp": _NUMBER,
    "result_ttl": _NUMBER,
    "retries": (int,),
    "throws": (type, tuple, type(None)),  # no JSON has these; another encoder may
    "time_limit": _NUMBER,
    "traceback": _TEXT,
}

#: What :mod:`barback.control` reads, likewise.
_CONTROL_TYPES: dict[str, tuple[type, ...]] = {
    "unique": (str,),
    "hold_ms": (int,),
    "until_start": (bool,),
    "conflict": (str,),
}


#: Times, counts and durations are smaller. Beyond it floats and Redis count no more.
TOO_LARGE = 2**53

#: Options may be as large as ``sys.maxsize``, which is how many say "no limit".
TOO_LARGE_OPTION = 2**64


def decode_fields(payload: bytes) -> dict[str, Any]:
    """Decode a message and check that it has the shape of one.

    Raises:
      UndecodablePayload: When it has not.
    """
    try:
        fields = decode_bytes(payload)
    except Exception as error:  # noqa: BLE001 - whatever the user's encoder raises
        raise UndecodablePayload(described(error)) from None
    if not isinstance(fields, dict):
        raise UndecodablePayload(f"expected an object, got {fields!r:.100}")
    if [*fields] != _USUAL_NAMES or [*map(type, fields.values())] != _USUAL_TYPES:
        _check_fields(fields)
    if not abs(fields["message_timestamp"]) < TOO_LARGE:
        raise UndecodablePayload("its message_timestamp is no time")
    # `time.time() * 1000` is what other programs write, dramatiq-workflow among them.
    fields["message_timestamp"] = int(fields["message_timestamp"])
    if not fields["actor_name"].isprintable():  # no actor has it, and logs and terminals show it
        raise UndecodablePayload(f"expected an actor's name, got {fields['actor_name']!r:.100}")
    if not fields["message_id"].isascii():
        _check_text("message_id", fields["message_id"])
    options = fields["options"]
    if len(options) > 1 or type(options.get("redis_message_id")) is not str:
        _check_types(options, _OPTION_TYPES)
        control = options.get("control") or {}
        _check_types(control, _CONTROL_TYPES)
        _check_text("option unique", control.get("unique", ""))
    return fields


def _check_fields(fields: dict[str, Any]) -> None:
    for name, types in _FIELD_TYPES:
        value = fields.get(name)
        if not isinstance(value, types):
            raise UndecodablePayload(f"expected a message's {name}, got {value!r:.100}")


def _check_types(options: dict[str, Any], types: Mapping[str, tuple[type, ...]]) -> None:
    for name, value in options.items():
        expected = types.get(name)
        if expected is None:
            continue
        if not isinstance(value, expected):
            raise UndecodablePayload(f"expected another type of option {name}, got {value!r:.100}")
        # An infinite one is the field's way to say "no limit".
        if isinstance(value, float) and math.isinf(value):
            continue
        if isinstance(value, (int, float)) and not abs(value) < TOO_LARGE_OPTION:
            raise UndecodablePayload(f"expected a smaller number for option {name}")


def _check_text(name: str, text: str) -> None:
    """Refuse what JSON can hold and Redis cannot: half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UndecodablePayload(f"expected text as {name}, got {text!r:.100}") from None
