"""Charts as points of SVG lines: drawn by the server, so that a page needs no script for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: The size of the area of a chart, in units of its SVG.
WIDTH, HEIGHT = 600, 160

#: From here on, in seconds, durations are said in minutes and hours.
_LONG_SECONDS = 40

#: The tops of charts of such durations, in seconds.
_LONG_TOPS_SECONDS = (
    *(60, 120, 240, 480, 1200, 2400),
    *(3600 * hours for hours in (1, 2, 4, 8, 16, 32, 64, 128)),
)

#: How many lines a grid has.
_GRID_LINES = 4


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Parameters:
      name: What it shows.
      parts: The points of each unbroken part, for an SVG polyline.
      latest: Its last value, in words.
    """

    name: str
    parts: list[str]
    latest: str


@dataclass(frozen=True)
class Mark:
    """Something that happened, as an upright line in a chart.

    Parameters:
      name: What it was.
      x: Where the line is, in units of the SVG.
    """

    name: str
    x: float


@dataclass(frozen=True)
class Chart:
    """A chart of some lines over the same time.

    Parameters:
      title: What it shows.
      lines: The lines.
      grid: The height of each grid line and its label.
    """

    title: str
    lines: list[Line]
    grid: list[tuple[float, str]]


def line_chart(
    title: str,
    values: Mapping[str, Sequence[float | None]],
    in_words: Callable[[float], str],
    *,
    round_up: Callable[[float], float],
) -> Chart:
    """Draw a chart.

    Parameters:
      title: What it shows.
      values: For each line its values; None where there is none.
      in_words: Says a value.
      round_up: Rounds the highest value up to the top of the chart.
    """
    known = [value for each in values.values() for value in each if value is not None]
    top = round_up(max(known, default=0.0))
    lines = [
        Line(name, _parts(each, top), _latest(each, in_words)) for name, each in values.items()
    ]
    shares = [number / _GRID_LINES for number in range(_GRID_LINES + 1)]
    grid = [(HEIGHT * (1 - share), in_words(top * share)) for share in shares]
    return Chart(title, lines, grid)


def mark(name: str, at: float, started_at: float, ended_at: float) -> Mark:
    """The mark of a moment between the beginning and the end of a chart."""
    share = (at - started_at) / max(1.0, ended_at - started_at)
    return Mark(name, round(WIDTH * min(1.0, max(0.0, share)), 1))


def sparkline(values: Sequence[int], width: int = 120, height: int = 24) -> str:
    """The points of a small line without axes."""
    top = max(*values, 1)
    step = width / max(1, len(values) - 1)
    return " ".join(
        f"{number * step:.1f},{height - 1 - value / top * (height - 2):.1f}"
        for number, value in enumerate(values)
    )


def _parts(values: Sequence[float | None], top: float) -> list[str]:
    step = WIDTH / max(1, len(values) - 1)
    parts: list[list[str]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append(f"{number * step:.1f},{HEIGHT * (1 - value / top):.1f}")
    # A point alone would not be seen: it is drawn as a short line.
    return [
        " ".join(part if len(part) > 1 else (part[0], _a_little_right(part[0])))
        for part in parts
        if part
    ]


def _a_little_right(point: str) -> str:
    x, _, y = point.partition(",")
    return f"{float(x) + 2:.1f},{y}"


def _latest(values: Sequence[float | None], in_words: Callable[[float], str]) -> str:
    latest = next((value for value in reversed(values) if value is not None), None)
    return "–" if latest is None else in_words(latest)  # noqa: RUF001 - a dash


def round_up_duration(seconds: float) -> float:
    """The next duration of which a quarter can be said in few words."""
    if seconds < _LONG_SECONDS:
        return round_up(seconds)
    return next((float(each) for each in _LONG_TOPS_SECONDS if each >= seconds), seconds)


def round_up(value: float) -> float:
    """The next number of the form 1, 2, 4 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    magnitude = 10.0 ** math.floor(math.log10(value))
    return next(
        (step * magnitude for step in (1, 2, 4, 8) if step * magnitude >= value), 10 * magnitude
    )
