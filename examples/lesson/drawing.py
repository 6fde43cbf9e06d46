"""The picture: each order a bar, faint while it waits and strong while it is served."""

from __future__ import annotations

import re
from math import nan
from typing import TYPE_CHECKING

from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from benchmarks.report.themes import in_each_language
from examples.lesson.words import average_in_words, bar_in_words, longest_in_words
from lesson_rounds import slips_of_drink
from translations import gettext, look_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from lesson_rounds import LessonQueue, Slip

    #: A bar's title, its queues, and what became of its slips.
    Bar = tuple[str, Sequence[LessonQueue], Sequence[Slip]]

#: In inches.
_SIZE = (7.9, 4.7)

#: By theme and drink, while it waits and while it is served: blues and oranges of Okabe and Ito,
#: which everybody tells apart.
_COLORS = {
    "light": {"coffee": ("#a9cde4", "#0072b2"), "beer": ("#f6cfb2", "#d55e00")},
    "dark": {"coffee": ("#234f69", "#56b4e9"), "beer": ("#5c4715", "#e69f00")},
}

#: What stands for either state in the legend, by theme: no colour of a drink.
_NEUTRAL = {"light": ("#d0d7de", "#59636e"), "dark": ("#3d444d", "#b7bdc8")}

#: How high a drink's bars are together, and what is said about them above.
_BARS_HEIGHT = 1.0
_SAID_HEIGHT = 0.28


def draw(bars: Sequence[Bar], *, seconds: Mapping[str, float]) -> dict[str, str]:
    """SVG files by their names: for light and for dark pages, in each language.

    Parameters:
      bars: What to draw side by side; all slips are served.
      seconds: How long it took to serve each drink.
    """
    drawn = in_each_language("lesson", lambda theme_name: _drawing(bars, theme_name, seconds))
    return {name: _rounded(text) for name, text in drawn.items()}


def _drawing(bars: Sequence[Bar], theme_name: str, seconds: Mapping[str, float]) -> Figure:
    drawing = Figure(figsize=_SIZE, layout=ConstrainedLayoutEngine(wspace=0.06))
    all_axes = drawing.subplots(1, len(bars), sharex=True, sharey=True)
    for axes, (title, queues, slips) in zip(all_axes, bars, strict=True):
        axes.set_title(bar_in_words(queues), fontsize=9, color=rcParams["xtick.color"])
        axes.text(0, 1.08, look_up(title), transform=axes.transAxes, fontsize=14, fontweight="bold")
        _panel(axes, slips, theme_name)
    axes.set_xlim(0, max(slip.served or 0 for _, _, slips in bars for slip in slips))
    drawing.legend(
        [Patch(color=color) for color in _NEUTRAL[theme_name]],
        [
            gettext("waits"),
            gettext(
                "is served (a coffee takes %(coffee).2g s and a beer takes %(beer).2g s)",
                **seconds,
            ),
        ],
        loc="outside lower left",
        ncols=2,
        fontsize=9,
        handlelength=1,
    )
    return drawing


def _panel(axes: Axes, slips: Sequence[Slip], theme_name: str) -> None:
    """Slips that are all served: the coffees first, since it is all about them."""
    top = 0.0
    for drink, (faint, strong) in _COLORS[theme_name].items():
        its_slips = slips_of_drink(slips, drink)
        _say(axes, top + _SAID_HEIGHT * 0.75, its_slips)
        top += _SAID_HEIGHT
        step = _BARS_HEIGHT / len(its_slips)
        rows = [top + step * (number + 0.5) for number in range(len(its_slips))]
        times = [(slip.started or 0, slip.served or 0) for slip in its_slips]
        _bars(axes, rows, [(0, started) for started, _ in times], faint)
        _bars(axes, rows, times, strong)
        top += _BARS_HEIGHT
    axes.set_ylim(top, 0)
    axes.set_xlabel(gettext("seconds since all was ordered"))
    axes.tick_params(left=False, labelleft=False)
    axes.spines["left"].set_visible(False)


def _say(axes: Axes, y: float, slips: Sequence[Slip]) -> None:
    """Each at its own side, since how wide words become depends on the reader's fonts."""
    axes.text(0, y, average_in_words(slips), fontsize=11.5, fontweight="bold")
    note = axes.text(
        1,
        y,
        longest_in_words(slips),
        transform=axes.get_yaxis_transform(),
        horizontalalignment="right",
        color=rcParams["xtick.color"],
    )
    note.set_in_layout(False)  # it is no reason for narrower bars


def _bars(
    axes: Axes,
    rows: Sequence[float],
    spans: Sequence[tuple[float, float]],
    color: str,
) -> None:
    """One line with gaps, not a shape for each: the file is a tenth as long."""
    xs = [x for begin, end in spans for x in (begin, end, nan)]
    ys = [y for row in rows for y in (row, row, nan)]
    height_points = _SIZE[1] * 72 * 0.72 / (2 * (_BARS_HEIGHT + _SAID_HEIGHT)) / len(rows)
    axes.plot(xs, ys, color=color, linewidth=0.8 * height_points, solid_capstyle="butt")


def _rounded(text: str) -> str:
    """The file with its coordinates, but not its words, to a tenth of a point: half as long."""
    return re.sub(
        r"(>[^<]*<)|\d+\.\d{2,}", lambda found: found[1] or f"{float(found[0]):.1f}", text
    )
