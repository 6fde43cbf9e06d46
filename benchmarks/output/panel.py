"""One panel of the chart: a bar for each system that has the figure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.output.numbers import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.statistics import Spread
    from benchmarks.summary import Figure, Summary

WIDTH = 760
LABEL_WIDTH = 170
NUMBER_WIDTH = 80
BAR_WIDTH = WIDTH - LABEL_WIDTH - NUMBER_WIDTH
ROW_HEIGHT = 24
BAR_HEIGHT = 15
TITLE_HEIGHT = 40
GAP = 14


@dataclass(frozen=True)
class Bar:
    """A system's figure."""

    name: str
    label: str
    spread: Spread


@dataclass(frozen=True)
class Panel:
    """Bars for one figure.

    Parameters:
      figure: The figure.
      title: What stands above the bars.
      note: How to read them.
      is_logarithmic: Whether each tenfold has the same length, from the power of ten below the
        lowest figure.
    """

    figure: Figure
    title: str
    note: str
    is_logarithmic: bool = False

    def bars(self, summary: Summary) -> list[Bar]:
        """The systems that have the figure, the best first."""
        found = [(name, summary.spread(name, self.figure)) for name in summary.systems]
        bars = [Bar(name, summary.label(name), each) for name, each in found if each is not None]
        return sorted(
            bars, key=lambda bar: bar.spread.middle, reverse=not self.figure.less_is_better
        )

    def height(self, bars: list[Bar]) -> int:
        return TITLE_HEIGHT + ROW_HEIGHT * len(bars) + GAP

    def draw(self, bars: list[Bar], top: int) -> Iterator[str]:
        yield (
            f'<text class="title" x="0" y="{top + 22}">{escape(self.title)} '
            f'<tspan class="note" font-weight="400">({escape(self.note)})</tspan></text>'
        )
        scale = _Scale(bars, is_logarithmic=self.is_logarithmic)
        for row, bar in enumerate(bars):
            yield from self._row(bar, scale, top + TITLE_HEIGHT + row * ROW_HEIGHT)

    def _row(self, bar: Bar, scale: _Scale, top: int) -> Iterator[str]:
        low, length, high = map(scale.length, (bar.spread.low, bar.spread.middle, bar.spread.high))
        right, text_y, middle = LABEL_WIDTH - 10, top + 12, top + BAR_HEIGHT / 2
        yield f'<text x="{right}" y="{text_y}" text-anchor="end">{escape(bar.label)}</text>'
        yield (
            f'<rect class="{"ours" if bar.name == "ours" else "bar"}" x="{LABEL_WIDTH}" y="{top}" '
            f'width="{length:.1f}" height="{BAR_HEIGHT}" rx="2"/>'
        )
        yield (
            f'<line class="range" x1="{LABEL_WIDTH + low:.1f}" x2="{LABEL_WIDTH + high:.1f}" '
            f'y1="{middle}" y2="{middle}"/>'
        )
        number = number_text(bar.spread.middle, self.figure.digits)
        text_x = LABEL_WIDTH + max(length, high) + 8
        yield f'<text class="note" x="{text_x:.1f}" y="{text_y}">{number}</text>'


class _Scale:
    """From a figure to the length of its bar."""

    def __init__(self, bars: list[Bar], *, is_logarithmic: bool) -> None:
        self._is_logarithmic = is_logarithmic
        # Half of the lowest figure, so that it has a bar, too.
        lowest = min(bar.spread.low for bar in bars) / 2
        self._begin = 10 ** math.floor(math.log10(lowest)) if is_logarithmic else 0.0
        self._end = max(bar.spread.high for bar in bars)

    def length(self, value: float) -> float:
        if not self._is_logarithmic:
            return BAR_WIDTH * value / self._end
        return BAR_WIDTH * math.log(value / self._begin) / math.log(self._end / self._begin)
