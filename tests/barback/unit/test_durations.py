"""Durations as people say them."""

from __future__ import annotations

import pytest

from barback.durations import duration_in_words, moment_of


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
