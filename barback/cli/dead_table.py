"""How dead letters look on a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Column

from barback.cli.output import MIN_TABLE_WIDTH, cell, new_table, table_width
from barback.durations import duration_in_words, moment_of
from barback.printable import printable, printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from barback.dead_letters import DeadLetter

#: The fewest characters of an id that are shown.
MIN_ID_CHARACTERS = 8

#: The longest ids and names that keep to one line in a table of the least width, so that reasons
#: have room, in characters.
ID_WIDTH = 20
NAME_WIDTH = 12


def letters_table(letters: Sequence[DeadLetter]) -> Table:
    """A row for each. Ids are as short as they may be to name one, reasons are whole."""
    id_length = _unique_length([letter.id for letter in letters])
    ids = [printable(letter.id[:id_length]) for letter in letters]
    name_width = NAME_WIDTH + (table_width() - MIN_TABLE_WIDTH) // 3
    table = new_table(
        Column("Id", no_wrap=max(map(len, ids)) <= ID_WIDTH, max_width=max(ID_WIDTH, name_width)),
        Column("Queue", max_width=name_width),
        Column("Actor", max_width=name_width),
        Column("Died", no_wrap=True),
        "Why",
    )
    for letter_id, letter in zip(ids, letters, strict=True):
        table.add_row(
            cell(letter_id),
            cell(letter.queue_name),
            cell(letter.actor_name),
            cell(f"{duration_in_words(time.time() - letter.died_at)} ago"),
            cell(f"{letter.reason}: {letter.error}" if letter.error else letter.reason),
        )
    return table


def letter_lines(letter: DeadLetter) -> Iterator[str]:
    """Everything that is known about one."""
    for label, value in (
        ("Id", letter.id),
        ("Queue", letter.queue_name),
        ("Actor", letter.actor_name),
        ("Died", _local_time(letter.died_at)),
        ("Reason", letter.reason),
        ("Error", letter.error),
        ("Deliveries", str(letter.deliveries)),
        ("Payload", letter.payload.decode(errors="backslashreplace")),
    ):
        yield f"{label + ':':<12}{'-' if value is None else printable(value)}"
    if letter.traceback:
        yield f"\n{printable_lines(letter.traceback).rstrip()}"


def _unique_length(ids: Sequence[str]) -> int:
    """How many characters tell the ids apart."""
    longest = max(len(letter_id) for letter_id in ids)
    lengths = range(MIN_ID_CHARACTERS, longest)
    return next((n for n in lengths if len({i[:n] for i in ids}) == len(set(ids))), longest)


def _local_time(unix_seconds: float) -> str:
    moment = moment_of(unix_seconds)
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
