"""Durations as people say them, for whatever is logged or shown."""

from __future__ import annotations

import datetime as dt
from typing import TypeGuard

_UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}

#: Below so many seconds, a tenth of one matters.
_SHORT_SECONDS = 10

#: Longer than anything lasts, in seconds.
_ENDLESS_SECONDS = 1e12


def is_countable(duration: object) -> TypeGuard[float]:
    """Whether clocks and Redis can count a duration, in seconds or milliseconds: it is a number,
    and neither infinite nor NaN.
    """
    return isinstance(duration, (int, float)) and abs(duration) < _ENDLESS_SECONDS


def check_duration(name: str, duration: object, *, may_be_0: bool = False) -> None:
    """Refuse a duration that is none, in seconds or milliseconds.

    Parameters:
      name: What it is called where it was given.
      duration: What was given.
      may_be_0: Whether 0 is one.

    Raises:
      ValueError: When it is no number, negative, 0, infinite or NaN.
    """
    least = "0 or more" if may_be_0 else "more than 0"
    if not is_countable(duration) or duration < 0 or (duration == 0 and not may_be_0):
        raise ValueError(f"Expected {name} to be {least} and finite, got {duration!r}.")


def duration_in_words(seconds: float) -> str:
    """The two largest units of a duration: ``2 d 3 h``, ``45 s``, ``1.2 s``, ``20 ms``.

    Parameters:
      seconds: The duration in seconds. What clocks that disagree make negative counts as 0.
    """
    return " ".join(f"{count} {unit}" for count, unit in duration_parts(seconds))


def moment_of(unix_seconds: float) -> dt.datetime | None:
    """A time as a date, in UTC; None for what is none: others may have stored anything."""
    try:
        return dt.datetime.fromtimestamp(unix_seconds, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def duration_parts(seconds: float) -> list[tuple[float, str]]:
    """The same as numbers and units, ``d``, ``h``, ``min``, ``s`` or ``ms``."""
    seconds = min(seconds, _ENDLESS_SECONDS)
    milliseconds = round(max(0.0, seconds) * 1000)
    if milliseconds < 1000:  # noqa: PLR2004 - a second
        return [(milliseconds, "ms")]
    if seconds < _SHORT_SECONDS:
        tenths = round(seconds * 10)
        return [(tenths / 10 if tenths % 10 else tenths // 10, "s")]
    rest = round(seconds)
    counts: list[tuple[float, str]] = []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        counts.append((count, unit))
    first = next(index for index, (count, _) in enumerate(counts) if count)
    return [(count, unit) for count, unit in counts[first : first + 2] if count]
