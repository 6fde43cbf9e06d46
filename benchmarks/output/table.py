"""The results in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks.output.numbers import delivery_text, spread_lines
from benchmarks.summary import FIGURES

if TYPE_CHECKING:
    from rich.console import Console


def print_result(console: Console, result: dict[str, Any]) -> None:
    """Print a table: figures down, systems across; below each median, the range."""
    measured = {name: each for name, each in result["systems"].items() if each["runs"]}
    table = Table(title=f"{result['repeats']} repeats: median, range", title_justify="left")
    table.add_column("figure")
    for system in measured.values():
        table.add_column(system["label"], justify="right")
    for figure in FIGURES:
        cells = [spread_lines(figure, figure.of(each["runs"])) for each in measured.values()]
        table.add_row(figure.label, *cells)
    table.add_row("delivered", *(delivery_text(each["runs"]) for each in measured.values()))
    console.print(table)
