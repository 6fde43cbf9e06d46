"""Text from outside stays text."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from barback.printable import first_line, json_text, printable, printable_lines, shortened, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcode, 啤酒", "plain text, ünïcode, 啤酒"),
        ("order-1\nINFO forged", r"order-1\nINFO forged"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("c1 \x9b31m", r"c1 \x9b31m"),
        ("turned \u202e round", r"turned \u202e round"),
        ("lone \udcff surrogate", r"lone \udcff surrogate"),
        ("[/etc/x]", "[/etc/x]"),
    ],
)
def test_what_is_not_printable_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_page_holds_everything_but_control_characters() -> None:
    assert visible("a\0\tb\r\n\x1b\x9f\u00a0 \u202e") == "a\\x00\tb\r\n\\x1b\\x9f\u00a0 \u202e"


def test_a_traceback_keeps_its_lines_and_nothing_else() -> None:
    assert printable_lines("one\n\ttwo\x1b[1m\r\n") == "one\n        two\\x1b[1m"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no beer.\n[SQL: SELECT …]"), "no beer"),
        (ValueError(), "ValueError"),
        (ValueError("\x1b[2Jgone"), r"\x1b[2Jgone"),
    ],
)
def test_an_error_is_told_in_one_line(error: Exception, line: str) -> None:
    assert first_line(error) == line


def test_what_was_left_out_of_a_long_text_is_counted() -> None:
    assert shortened("beer", 4) == "beer"
    assert shortened("b" * 1_000_010, 10) == "bbbbbbbbbb… (1,000,000 more characters)"


def test_json_has_no_numbers_that_other_programs_cannot_read() -> None:
    assert json_text([1.5, math.inf, {"a": math.nan}]) == '[1.5, null, {"a": null}]'
    assert json_text({"path": Path("x")}, default=str) == '{"path": "x"}'
