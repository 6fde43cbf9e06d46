"""Waiting in tests: never a bare sleep, always a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: How long what is to come may take, in seconds, on a machine that does much else.
PATIENCE_SECONDS = 30.0

_POLL_SECONDS = 0.02


def eventually(
    condition: Callable[[], T],
    *,
    timeout_seconds: float | None = None,
    complaint: Callable[[], str] | str = "the condition did not come true",
) -> T:
    """Wait until a condition is true and return its value; past the deadline, fail.

    Say no `timeout_seconds` below :data:`PATIENCE_SECONDS`, unless the condition is to stay false.
    """
    timeout_seconds = PATIENCE_SECONDS if timeout_seconds is None else timeout_seconds
    deadline = time.monotonic() + timeout_seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            text = complaint() if callable(complaint) else complaint
            raise AssertionError(f"{text} (waited {timeout_seconds} s)")
        time.sleep(_POLL_SECONDS)
