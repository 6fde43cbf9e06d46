"""Durations on the command line."""

from __future__ import annotations

import click
import pytest

from barback.cli.duration_type import DurationType


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("2d", 172_800),
        (" 1H ", 3600),
        ("366d", 31622400),
    ],
)
def test_a_duration_is_taken_for_seconds(text: str, seconds: int) -> None:
    assert DurationType().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "10x", "0s", "-5m", "1h 30m", "30m1h", "367d", "٣m", "9" * 10_000 + "s"]
)
def test_what_is_none_is_explained(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a time such as 90s, 10m, 1h30m"):
        DurationType().convert(text, None, None)
