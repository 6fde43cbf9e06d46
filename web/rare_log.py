"""Warnings that many requests would give, once a minute."""

from __future__ import annotations

import logging
import time

from barback.printable import first_line

#: How often the same warning is logged, in seconds.
INTERVAL_SECONDS = 60.0

_logger = logging.getLogger("bar.web")
_next_at: dict[str, float] = {}


def warn_rarely(text: str, *values: object) -> None:
    """Log a warning unless the same text, whatever its values, was logged within the minute."""
    now = time.monotonic()
    if now >= _next_at.get(text, 0.0):
        _next_at[text] = now + INTERVAL_SECONDS
        _logger.warning(text, *map(_in_a_line, values))


def _in_a_line(value: object) -> object:
    # An error of the database has its statement and parameters in further lines.
    return first_line(value) if isinstance(value, BaseException) else value
