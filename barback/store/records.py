"""Reads what is stored as JSON, whatever somebody else has written there: a bad entry hides no
other.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from barback.messages.encoding import TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_record(stored: bytes | None) -> dict[str, Any]:
    """An object; empty where there is none."""
    found = _decoded(stored)
    return found if isinstance(found, dict) else {}


def read_records(stored: bytes | None) -> list[dict[str, Any]]:
    """The objects of a list; what is none is left out."""
    found = _decoded(stored)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def text_in(fields: Mapping[str, Any], name: str) -> str | None:
    """A text among the fields of an object, or None."""
    value = fields.get(name)
    return value if isinstance(value, str) else None


def number_in(fields: Mapping[str, Any], name: str) -> float | None:
    """A number that is a time, a count or a duration, or None."""
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if abs(value) < TOO_LARGE else None  # neither infinite nor NaN


def count_in(fields: Mapping[str, Any], name: str) -> int | None:
    """A whole number, or None."""
    value = number_in(fields, name)
    return value if isinstance(value, int) else None


def crashes_in(note: bytes | None) -> int:
    """How many workers have died over a message, by the note that :file:`recover.lua` keeps."""
    digits = re.match(rb"\d{1,9}", note or b"")
    return int(digits[0]) if digits else 0


def _decoded(stored: bytes | None) -> Any:
    try:
        return json.loads(stored) if stored else None
    except (ValueError, RecursionError):
        return None
