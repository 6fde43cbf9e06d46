"""Waiting with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Looking costs the measured system's processors some time, too.
POLL_SECONDS = 0.02


class DeadlineError(Exception):
    """A step of the benchmark took longer than it may."""


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise DeadlineError(f"{what}: not within {seconds:.0f} s.")
        time.sleep(POLL_SECONDS)
