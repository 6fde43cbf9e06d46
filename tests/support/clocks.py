"""Clocks that tests set, and clocks that are wrong."""

from __future__ import annotations

import datetime as dt
import platform
from pathlib import Path

import pytest

#: Where Python programs whose clock is wrong find what they do first.
WRONG_CLOCK_DIR = Path(__file__).parent / "wrong_clock"

FAKETIME = Path(f"/usr/lib/{platform.machine()}-linux-gnu/faketime/libfaketime.so.1")


class VirtualClock:
    """Passed where the time is asked for (``now``) and where it is waited for (``wait``)."""

    def __init__(self, now: str) -> None:
        self._now = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        return self._now

    def set(self, now: str) -> None:
        self._now = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)

    def advance(self, seconds: float) -> None:
        self._now += dt.timedelta(seconds=seconds)


def clock_off_by(seconds: float) -> dict[str, str]:
    """Environment variables that set the clock of a process wrong."""
    if not FAKETIME.exists():
        pytest.skip(f"{FAKETIME} is missing; apt-get install libfaketime")
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": f"{seconds:+.3f}s",
        # Waiting is by this clock, which has no date that could be wrong.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(WRONG_CLOCK_DIR),
    }
