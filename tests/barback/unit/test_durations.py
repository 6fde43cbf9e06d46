"""Durations as people say them."""

from __future__ import annotations

import pytest

from barback.durations import duration_in_words


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
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration_in_words(seconds) == words
