"""Durations as people say them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from barback import RedisBroker
from barback.control import Control, Limit, pause
from barback.durations import duration_in_words, moment_of

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 ms"),
        (0, "0 ms"),
        (0.0204, "20 ms"),
        (0.9999, "1 s"),
        (1.24, "1.2 s"),
        (9.97, "10 s"),
        (45.2, "45 s"),
        (59.9, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (86_400 * 2 + 3 * 3600 + 59, "2 d 3 h"),
        (86_400 + 59, "1 d"),
        (float("inf"), "11574074 d 1 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration_in_words(seconds) == words


@pytest.mark.parametrize("unix_seconds", [float("inf"), float("nan"), 1e99, -1e15])
def test_a_time_that_is_none_is_no_date(unix_seconds: float) -> None:
    assert moment_of(unix_seconds) is None


@pytest.mark.parametrize("duration", [math.nan, math.inf, -math.inf, -1, 0, "5", None, 1e300])
def test_what_no_clock_counts_is_refused_wherever_a_duration_is_given(duration: Any) -> None:
    broker = RedisBroker(url="redis://127.0.0.1:1")  # nobody listens there
    takes: dict[str, Callable[[], object]] = {
        "for_seconds": lambda: pause(broker, "jobs", for_seconds=duration or 0),
        "per_seconds": lambda: Limit("machine", rate=1, per_seconds=duration),
        "remember_seconds": lambda: Control(remember_seconds=duration or 0),
        "heartbeat_timeout": lambda: RedisBroker(heartbeat_timeout=duration or -1),
        "dead_message_ttl": lambda: RedisBroker(dead_message_ttl=duration or -1),
    }
    for name, take in takes.items():
        with pytest.raises(ValueError, match=f"Expected {name} to be .* and finite, got"):
            take()
