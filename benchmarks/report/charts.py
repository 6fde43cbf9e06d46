"""The results as pictures, each for light and for dark pages."""

from __future__ import annotations

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from benchmarks.parts import PARTS
from benchmarks.parts.part import Curve, Figure
from benchmarks.parts.pickup import PICKUP_P50
from benchmarks.parts.throughput import DRAIN_1, DRAIN_2
from benchmarks.report.numbers import number_text
from benchmarks.report.result import Result
from benchmarks.report.themes import THEMES, in_each_language, svg, theme
from translations import gettext, gettext_noop, look_up

#: In inches. The text is 9 points high.
_WIDTH = 7.9

_OTHERS, _OURS = "C0", "C1"
_MARKERS = "os^DvPX*h"

_PANELS = (
    (DRAIN_1, gettext_noop("Messages per second, 1 worker process (more is better)")),
    (DRAIN_2, gettext_noop("Messages per second, 2 worker processes (more is better)")),
    (PICKUP_P50, gettext_noop("Wait for an idle worker, median, ms (less is better; logarithmic)")),
)


def charts(result: Result) -> dict[str, str]:
    """SVG files by their names. There is no growth chart if no growth was measured."""
    drawn = in_each_language("comparison", lambda _: _comparison(result))
    if curves := _curves(result):
        for name in THEMES:
            with theme(name):
                drawn[f"growth-{name}.svg"] = svg(_growth(result, curves))
    return drawn


def _comparison(result: Result) -> Drawing:
    drawing = Drawing(figsize=(_WIDTH, 2.4 * len(_PANELS)), layout="constrained")
    all_axes = drawing.subplots(len(_PANELS))
    for axes, (figure, title) in zip(all_axes, _PANELS, strict=True):
        _bars(axes, result, figure)
        axes.set_title(look_up(title))
    return drawing


def _bars(axes: Axes, result: Result, figure: Figure) -> None:
    """A bar for each system that has the figure, the best on top; a line shows the range."""
    note = mpl.rcParams["xtick.color"]
    found = result.kept(figure)
    names = sorted(found, key=lambda name: found[name].middle, reverse=figure.less_is_better)
    for at, name in enumerate(names):
        middle, low, high, _ = found[name]
        axes.barh(at, middle, color=_OURS if name == "ours" else _OTHERS, height=0.65)
        axes.plot([low, high], [at, at], color=note)
        number = f"\N{EN SPACE}{number_text(middle, figure.digits)}"  # SVG drops plain ones
        axes.text(high, at, number, verticalalignment="center", color=note)
    axes.set_yticks(range(len(names)), [_label(result, name) for name in names])
    axes.set_xscale("log" if figure.less_is_better else "linear")
    axes.tick_params(bottom=False, which="both", left=False, labelbottom=False)
    axes.spines[["bottom", "left"]].set_visible(False)


def _label(result: Result, name: str) -> str:
    return gettext("stock Dramatiq") if name == "stock" else result.label(name)


def _curves(result: Result) -> list[Curve]:
    """The curves of which at least one system has more than one point."""
    return [
        curve
        for part in PARTS.values()
        for curve in part.curves
        if any(len(_points(result, name, curve)) > 1 for name in result.systems)
    ]


def _points(result: Result, name: str, curve: Curve) -> dict[int, float]:
    found = {size: result.kept(figure).get(name) for size, figure in curve.points}
    return {size: kept.middle for size, kept in found.items() if kept is not None}


def _growth(result: Result, curves: list[Curve]) -> Drawing:
    rows = (len(curves) + 1) // 2
    drawing = Drawing(figsize=(_WIDTH, 3 * rows), layout="constrained")
    for at, curve in enumerate(curves, start=1):
        _lines(drawing.add_subplot(rows, 2, at), result, curve)
    return drawing


def _lines(axes: Axes, result: Result, curve: Curve) -> None:
    highest = 0.0
    for marker, name in zip(_MARKERS, result.systems, strict=False):
        if points := _points(result, name, curve):
            highest = max(highest, *points.values())
            color, style = (_OURS, "-") if name == "ours" else (_OTHERS, "--")
            [line] = axes.plot([*points], [*points.values()], style, color=color, marker=marker)
            line.set_label(result.label(name))
    sizes = [size for size, _ in curve.points]
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_ylim(0, 3 * highest)
    axes.set_title(curve.title)
    axes.set_xlabel(curve.x_label)
    axes.legend()
