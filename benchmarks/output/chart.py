"""The results as an SVG picture that suits light and dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.output.numbers import number_text
from benchmarks.output.panel import WIDTH, Panel
from benchmarks.summary import DRAIN_1, DRAIN_2, PICKUP_P50

if TYPE_CHECKING:
    from benchmarks.summary import Summary

_STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.note { fill: #59636e; }
.bar { fill: #afb8c1; }
.ours { fill: #bf5a16; }
.range { stroke: #59636e; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .note { fill: #9198a1; }
  .bar { fill: #57606a; }
  .ours { fill: #f0883e; }
  .range { stroke: #c9d1d9; }
}"""

PANELS = (
    Panel(DRAIN_1, "Messages per second, 1 worker process", "more is better"),
    Panel(DRAIN_2, "Messages per second, 2 worker processes", "more is better"),
    Panel(
        PICKUP_P50,
        "Wait for an idle worker, median, milliseconds",
        "less is better; logarithmic scale",
        is_logarithmic=True,
    ),
)


def chart(summary: Summary) -> str:
    """The picture; a line on each bar shows the range of the repeats."""
    drawing: list[str] = []
    height = 0
    for panel in PANELS:
        if bars := panel.bars(summary):
            drawing += panel.draw(bars, top=height)
            height += panel.height(bars)
    description = escape("; ".join(_description(summary, panel) for panel in PANELS))
    begin = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">'
    )
    desc, style = f"<desc>{description}</desc>", f"<style>\n{_STYLE}\n</style>"
    return "\n".join([begin, desc, style, *drawing, "</svg>\n"])


def _description(summary: Summary, panel: Panel) -> str:
    """The bars of a panel, for those who hear the picture."""
    digits = panel.figure.digits
    bars = (f"{bar.label} {number_text(bar.spread.middle, digits)}" for bar in panel.bars(summary))
    return f"{panel.title}: {', '.join(bars)}"
