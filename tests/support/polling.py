"""Waiting in tests: never a bare sleep, always a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_POLL_SECONDS = 0.02


def eventually(
    condition: Callable[[], T],
    *,
    timeout_seconds: float = 10.0,
    complaint: Callable[[], str] | str = "the condition did not come true",
) -> T:
    """Wait until a condition is true and return its value; past the deadline, fail."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            text = complaint() if callable(complaint) else complaint
            raise AssertionError(f"{text} (waited {timeout_seconds} s)")
        time.sleep(_POLL_SECONDS)
