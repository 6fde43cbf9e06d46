"""Standing orders as a table for people and as JSON for programs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from barback.printable import printable
from standing_orders.timing import Unrunnable, next_run
from standing_orders.words import last_in_words, run_in_words, schedule_in_words
from translations import gettext as _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from database.standing_orders import StandingOrder


def as_table(orders: Iterable[StandingOrder]) -> Table:
    now = dt.datetime.now(dt.UTC)
    table = Table("Id", "Drink", "Schedule", "Next", "Last ordered", box=box.SIMPLE_HEAD)
    for order in orders:
        table.add_row(
            _cell(order.id),
            _cell(order.drink),
            _cell(schedule_in_words(order)),
            _cell(next_in_words(order, now), breaks_at=", "),
            _cell(last_in_words(order, now)),
        )
    return table


def as_line(order: StandingOrder) -> str:
    upcoming = next_in_words(order, dt.datetime.now(dt.UTC))
    return printable(f"{order.id}  {order.drink}, {schedule_in_words(order)}: {upcoming}")


def _cell(text: str, *, breaks_at: str | None = None) -> Text:
    """Text as it stands, whatever a row has in it, in one line or two."""
    shown = printable(text)
    return Text(shown.replace(breaks_at, "\n", 1) if breaks_at else shown)


def next_in_words(order: StandingOrder, now: dt.datetime) -> str:
    if order.is_paused:
        return _("paused")
    try:
        run = next_run(order, now)
    except Unrunnable as error:
        return _("cannot be run: %(reason)s", reason=error)
    return _("never again") if run is None else run_in_words(order, run, now)


def as_json(order: StandingOrder) -> dict[str, Any]:
    run, problem = None, None
    try:
        run = None if order.is_paused else next_run(order, dt.datetime.now(dt.UTC))
    except Unrunnable as error:
        problem = str(error)
    return {
        "id": order.id,
        "drink": order.drink,
        "cron": order.cron,
        "every_seconds": order.every_seconds,
        "at": _iso(order.at),
        "timezone": order.timezone,
        "paused": order.is_paused,
        "next_run": _iso(run),
        "problem": problem,
        "last_ordered": _iso(order.last_ordered_at),
    }


def _iso(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
