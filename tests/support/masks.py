"""Compares what a page says that a program prints with what it prints.

Ids, times of day, durations, process ids and the names of workers differ from run to run; all
else is compared as it stands, spaces aside.
"""

from __future__ import annotations

import re

#: What varies, as it stands on a page, and what it may be instead.
_VARYING = [
    (r"…", r".*?"),
    (
        r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|\+00:00)?)?",
        r"\d{4}-\d\d-\d\d\S*(?: [\d:.,]+)?",
    ),
    (r"\b\d\d:\d\d(?::\d\d)?\b", r"\d\d:\d\d(?::\d\d)?"),
    (r"(?:PID|process) \d+", r"(?:PID|process) \d+"),
    (r"[\w.-]+:\d+ \(\d+\)", r"\S+:\d+ \(\d+\)"),
    (r"\b[\w.-]+:\d{3,}\b", r"\S+:\d+"),
    (r"\d+(?:[.,]\d+)* ?(?:µs|ms|s|min|h)\b", r"\d+(?:[.,]\d+)* ?(?:µs|ms|s|min|h)\b"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{6,}(?:-[0-9a-f]+)*\b", r"[0-9a-f]+(?:-[0-9a-f]+)*"),
    (r"\s+", r"\s+"),
]
_TOKEN = re.compile("|".join(f"({shown})" for shown, _ in _VARYING))


def line_pattern(shown: str) -> re.Pattern[str]:
    """What is looked for in a line of a program's output, for a line of a page."""
    pattern = ""
    end = 0
    shown = shown.strip()
    for match in _TOKEN.finditer(shown):
        pattern += re.escape(shown[end : match.start()])
        pattern += _VARYING[int(match.lastindex or 0) - 1][1]
        end = match.end()
    return re.compile(pattern + re.escape(shown[end:]))


def missing_lines(shown: list[str], printed: str) -> list[str]:
    """The lines of a page that no line of the output is like."""
    lines = printed.splitlines()
    patterns = [(line, line_pattern(line)) for line in shown if line.strip(" ─")]
    return [line for line, pattern in patterns if not any(map(pattern.search, lines))]
