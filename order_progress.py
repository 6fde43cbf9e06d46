"""Waiting for orders: what a person sees in the meantime, and how it went."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from barback.cli.output import print_table
from barback.durations import duration_in_words
from barback.monitoring.queues import queue_statuses
from barback.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import dramatiq

    from barback.results import Outcome
    from barback.store.store import HasStore

#: Plain progress is a line for each tenth of the orders.
_PLAIN_STEPS = 10

#: How often to look for orders that are gone, in seconds: more than it takes to write a result.
_LOOK_SECONDS = 2.0

#: Up to so many workers of a queue are named.
_NAMED_WORKERS = 4


@dataclass
class Summary:
    """How the orders of one queue went."""

    queue_name: str
    ordered: int
    served: int = 0
    failed: int = 0
    #: Whether what is outstanding is in the queue no more.
    is_gone: bool = False
    waits_ms: list[int] = field(default_factory=list)
    served_by: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def settled(self) -> int:
        return self.served + self.failed

    @property
    def outstanding(self) -> int:
        return self.ordered - self.settled

    def add(self, outcome: Outcome, *, delay_ms: int) -> None:
        """Count an order. An asked-for delay is no waiting."""
        if outcome.error is not None:
            self.failed += 1
            self.errors[printable(str(outcome.error))] += 1
            return
        self.served += 1
        try:
            waited_ms, served_by = outcome.result["waited_ms"], outcome.result["served_by"]
        except (TypeError, KeyError):  # an actor that somebody changed may return anything
            return
        self.waits_ms.append(max(0, waited_ms - delay_ms))
        self.served_by[printable(served_by)] += 1

    def wait_ms(self, percent: int) -> int | None:
        """The time in the queue that so many percent of the served orders did not exceed."""
        if not self.waits_ms:
            return None
        return sorted(self.waits_ms)[math.ceil(len(self.waits_ms) * percent / 100) - 1]

    def as_json(self) -> dict[str, Any]:
        return {
            "queue": self.queue_name,
            "ordered": self.ordered,
            "served": self.served,
            "failed": self.failed,
            "wait_p50_ms": self.wait_ms(50),
            "wait_p99_ms": self.wait_ms(99),
            "served_by": dict(self.served_by),
            "errors": dict(self.errors),
        }


def summaries_of(orders: Iterable[dramatiq.Message[Any]]) -> list[Summary]:
    """An empty summary for each queue that has some of the orders."""
    counts = Counter(order.queue_name for order in orders)
    return [Summary(queue_name, ordered=count) for queue_name, count in counts.items()]


class Display(Protocol):
    """Where progress is shown, in a ``with`` block."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def update(self, summary: Summary, /) -> None: ...


class NoDisplay:
    """For programs, which read the result."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, summary: Summary) -> None: ...


class PlainDisplay(NoDisplay):
    """For logs: now and then a line."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}

    def update(self, summary: Summary) -> None:
        step = summary.settled * _PLAIN_STEPS // summary.ordered
        if step > self._steps.get(summary.queue_name, 0):
            self._steps[summary.queue_name] = step
            click.echo(f"{summary.queue_name:<7} {summary.settled}/{summary.ordered} done")


class TerminalDisplay:
    """For a person: a bar per queue."""

    def __init__(self, console: Console, summaries: Iterable[Summary]) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<7}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks = {
            summary.queue_name: self._progress.add_task(summary.queue_name, total=summary.ordered)
            for summary in summaries
        }

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, summary: Summary) -> None:
        self._progress.update(self._tasks[summary.queue_name], completed=summary.settled)


def display_for(summaries: Iterable[Summary], *, quiet: bool) -> Display:
    """What suits who looks on: a person, a log or, if it is to be quiet, a program."""
    if quiet:
        return NoDisplay()
    console = Console()
    return TerminalDisplay(console, summaries) if console.is_terminal else PlainDisplay()


def collect(
    outcomes: Iterable[list[Outcome]],
    summaries: Sequence[Summary],
    display: Display,
    *,
    delay_ms: int,
) -> None:
    """Add outcomes to the summaries as they come, and show it."""
    by_queue = {summary.queue_name: summary for summary in summaries}
    with display:
        for batch in outcomes:
            for outcome in batch:
                by_queue[outcome.message.queue_name].add(outcome, delay_ms=delay_ms)
            for summary in summaries:
                display.update(summary)


def until_gone(
    outcomes: Iterable[list[Outcome]], summaries: Sequence[Summary], broker: HasStore
) -> Iterator[list[Outcome]]:
    """Pass outcomes on until all orders that have none are gone from their queues.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    empty: set[str] = set()
    look_at = time.monotonic() + _LOOK_SECONDS
    for batch in outcomes:
        yield batch
        if time.monotonic() < look_at:
            continue
        look_at = time.monotonic() + _LOOK_SECONDS
        in_use = {status.name for status in queue_statuses(broker) if status.unfinished}
        outstanding = [summary for summary in summaries if summary.outstanding]
        for summary in outstanding:
            # Seen twice: the outcome of one that has ended just now was asked for in between.
            summary.is_gone = summary.queue_name in empty - in_use
        empty = {summary.queue_name for summary in outstanding} - in_use
        if all(summary.is_gone for summary in outstanding):
            return


def print_summaries(summaries: Sequence[Summary]) -> None:
    """Print how it went and, on standard error, what went wrong."""
    print_table(table(summaries))
    for summary in summaries:
        for error, count in summary.errors.items():
            click.echo(f"{summary.queue_name}: {count} × {error}", err=True)  # noqa: RUF001
        if summary.outstanding:
            why = "not served in time. They stay in the queue."
            if summary.is_gone:
                why = "gone from the queue: cancelled, purged or lost."
            click.echo(f"{summary.queue_name}: {summary.outstanding} {why}", err=True)


def table(summaries: Iterable[Summary]) -> Table:
    result = Table(
        Column("Queue"),
        Column("Served", justify="right"),
        Column("Failed", justify="right"),
        Column("Wait p50", justify="right"),
        Column("Wait p99", justify="right"),
        Column("Served by", overflow="fold"),
        box=box.SIMPLE_HEAD,
    )
    for summary in summaries:
        result.add_row(
            summary.queue_name,
            str(summary.served),
            str(summary.failed),
            _for_people(summary.wait_ms(50)),
            _for_people(summary.wait_ms(99)),
            _name_workers(summary.served_by),
        )
    return result


def _for_people(duration_ms: int | None) -> str:
    if duration_ms is None:
        return "–"  # noqa: RUF001 - a dash for "nothing"
    return duration_in_words(duration_ms / 1000)


def _name_workers(served_by: Counter[str]) -> str:
    named = [f"{worker} ({count})" for worker, count in served_by.most_common(_NAMED_WORKERS)]
    unnamed = len(served_by) - len(named)
    return "\n".join([*named, f"and {unnamed} more"] if unnamed else named)
