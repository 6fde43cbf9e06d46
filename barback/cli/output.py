"""What commands print: for people, or JSON for programs.

Ids, names and errors come from outside. They go through :func:`cell` or
:func:`barback.printable.printable`: to rich, ``[/etc/x]`` is markup, and to a terminal an escape
sequence is an order.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from barback.printable import json_text, printable, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback.control import Progress

#: How many columns tables are made for at the least.
MIN_TABLE_WIDTH = 80

#: How much of a text from outside is shown in a table, in characters. No reason of ours is longer.
MAX_CELL_LENGTH = 2_000

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


def print_json(value: Any) -> None:
    click.echo(json_text(value, default=_encode, indent=2))


def new_table(*columns: Column | str) -> Table:
    """A table whose long cells are wrapped, never cut."""
    named = (Column(column) if isinstance(column, str) else column for column in columns)
    table = Table(box=box.SIMPLE_HEAD)
    for column in named:
        table.add_column(
            column.header,
            justify=column.justify,
            no_wrap=column.no_wrap,
            max_width=column.max_width,
            overflow="fold",
        )
    return table


def print_table(table: Table) -> None:
    """Print a table. Where a terminal is narrower than tables are made for, it breaks the lines:
    rich would leave out the ends of numbers and reasons.
    """
    Console(width=table_width(), markup=False).print(table)


def table_width() -> int:
    """How many columns a table has at the most."""
    return max(Console().width, MIN_TABLE_WIDTH)


def cell(text: str | None, style: str = "") -> Text:
    """Text as it stands, for a table; a dash for None."""
    return Text("-" if text is None else shortened(printable(text), MAX_CELL_LENGTH), style=style)


def progress_in_words(progress: Progress | None) -> str | None:
    """How far a message is, as its actor has said."""
    if progress is None:
        return None
    text = f"{progress.done:,.10g}"
    if progress.total is not None:
        text += f" of {progress.total:,.10g}"
    return f"{text}: {progress.text}" if progress.text else text


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    raise TypeError(f"cannot print {value!r} as JSON")
