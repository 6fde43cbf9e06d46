"""The results in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.goals import goals
from benchmarks.output.numbers import delivery_text, median_text, range_text
from benchmarks.output.single import single_figures
from benchmarks.summary import FIGURES

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.statistics import Spread
    from benchmarks.summary import Figure, Summary


#: A terminal that has so many columns has room for the ranges of all systems.
COLUMNS_FOR_RANGES = 140


def print_result(console: Console, summary: Summary) -> None:
    """Print what systems are compared by, what only ours has, and which goals are reached."""
    has_ranges = console.width >= COLUMNS_FOR_RANGES
    for table in (_comparison(summary, has_ranges=has_ranges), _single(summary), _goals(summary)):
        if table.rows:
            console.print(table)


def _comparison(summary: Summary, *, has_ranges: bool) -> Table:
    """Figures down, systems across; below each median, the range."""
    what = "Medians and ranges" if has_ranges else "Medians"
    table = Table(title=f"{what} of {summary.result['repeats']} repeats", box=SIMPLE_HEAD)
    table.add_column("")
    for name in summary.systems:
        table.add_column(summary.label(name), justify="right")
    for figure in FIGURES:
        spreads = [summary.spread(name, figure) for name in summary.systems]
        if any(spreads):
            cells = [_cell(figure, each, has_range=has_ranges) for each in spreads]
            table.add_row(figure.label, *cells)
    if table.rows:
        table.add_row("delivered", *(delivery_text(summary.runs(name)) for name in summary.systems))
    return table


def _cell(figure: Figure, found: Spread | None, *, has_range: bool) -> str:
    text = median_text(figure, found)
    if found is None or not has_range:
        return text
    return f"{text}\n[dim]{range_text(figure, found)}[/dim]"


def _single(summary: Summary) -> Table:
    table = Table("Barback alone", "", box=SIMPLE_HEAD)
    for label, text in single_figures(summary):
        table.add_row(label, text)
    return table


def _goals(summary: Summary) -> Table:
    table = Table("to reach", "wanted", "measured", "", box=SIMPLE_HEAD)
    for goal in goals(summary):
        mark = "[green]reached[/green]" if goal.is_reached else "[red]not reached[/red]"
        table.add_row(goal.label, goal.wanted, goal.measured, mark)
    return table
