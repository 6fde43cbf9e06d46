"""``dead``: dead letters."""

from __future__ import annotations

import datetime as dt
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from barback.cli.output import duration, json_option, print_json
from barback.dead_letters import DeadLetters
from barback.status import queue_statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from barback.broker import RedisBroker
    from barback.cli.target import Target
    from barback.dead_letters import DeadLetter

#: How many dead letters `list` shows unless told otherwise.
DEFAULT_LIMIT = 20


@click.group
def dead() -> None:
    """Look at dead letters, send them again, or delete them.

    A dead letter is a message that was given up: its actor failed more often than it may be
    retried, or is unknown; its payload is no message; or three workers died over it.
    """


def _selection(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which dead letters are meant."""
    command = click.option("--actor", help="Only those of this actor.")(command)
    return click.option("--queue", help="Only those of this queue.")(command)


@dead.command("list")
@_selection
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True)
@json_option
@click.pass_obj
def list_letters(
    target: Target, *, queue: str | None, actor: str | None, limit: int, as_json: bool
) -> None:
    """List dead letters, the latest of each queue first."""
    with target.broker() as broker:
        queues = _queues(broker, queue)
        total = sum(len(letters) for letters in queues)
        found = (letter for letters in queues for letter in _by_actor(letters, actor))
        shown = list(islice(found, limit))
    if as_json:
        print_json(shown)
    elif not shown:
        click.echo("There are no such dead letters." if total else "There are no dead letters.")
    else:
        Console().print(_table(shown))
        if actor is None and total > len(shown):
            click.echo(f"{total - len(shown):,} more; --limit shows them.")


@dead.command
@click.argument("letter_id", metavar="ID")
@json_option
@click.pass_obj
def show(target: Target, *, letter_id: str, as_json: bool) -> None:
    """Show everything that is known about a dead letter."""
    with target.broker() as broker:
        letter = _find(broker, letter_id)[1]
    if as_json:
        print_json(letter)
        return
    for label, value in (
        ("Id", letter.id),
        ("Queue", letter.queue_name),
        ("Actor", letter.actor_name),
        ("Died", _time(letter.died_at)),
        ("Reason", letter.reason),
        ("Error", letter.error),
        ("Deliveries", letter.deliveries),
        ("Payload", letter.payload.decode(errors="backslashreplace")),
    ):
        click.echo(f"{label + ':':<12}{'-' if value is None else value}")
    if letter.traceback:
        click.echo(f"\n{letter.traceback.rstrip()}")


@dead.command
@click.argument("letter_ids", metavar="[ID]...", nargs=-1)
@_selection
@click.option("--all", "everything", is_flag=True, help="All dead letters of all queues.")
@json_option
@click.pass_obj
def requeue(target: Target, /, *, as_json: bool, **selection: Any) -> None:
    """Send dead letters again, with all their retries before them.

    Name them by their ids, by --queue, by --actor, or say --all.
    """
    _change(target, DeadLetters.requeue, "requeued", as_json=as_json, **selection)


@dead.command
@click.argument("letter_ids", metavar="[ID]...", nargs=-1)
@_selection
@click.option("--all", "everything", is_flag=True, help="All dead letters of all queues.")
@json_option
@click.pass_obj
def delete(target: Target, /, *, as_json: bool, **selection: Any) -> None:
    """Delete dead letters for good.

    Name them by their ids, by --queue, by --actor, or say --all.
    """
    _change(target, DeadLetters.delete, "deleted", as_json=as_json, **selection)


def _change(
    target: Target,
    change: Callable[[DeadLetters, Iterable[DeadLetter]], Iterator[int]],
    verb: str,
    *,
    letter_ids: tuple[str, ...],
    queue: str | None,
    actor: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    if not (letter_ids or queue or actor or everything):
        raise click.UsageError("Say which dead letters: ids, --queue NAME, --actor NAME, or --all.")
    with target.broker() as broker:
        if letter_ids:
            done = 0
            for letters, letter in [_find(broker, letter_id) for letter_id in letter_ids]:
                done += sum(change(letters, [letter]))
        else:
            done = _change_queues(_queues(broker, queue), actor, change, verb)
    if as_json:
        print_json({verb: done})
    else:
        click.echo(f"{done:,} {verb}.")


def _change_queues(
    queues: list[DeadLetters],
    actor: str | None,
    change: Callable[[DeadLetters, Iterable[DeadLetter]], Iterator[int]],
    verb: str,
) -> int:
    done = 0
    total = sum(len(letters) for letters in queues)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(verb, total=total)
        for letters in queues:
            for count in change(letters, _by_actor(letters.scan(), actor)):
                done += count
                progress.advance(task, count)
    return done


def _queues(broker: RedisBroker, queue: str | None) -> list[DeadLetters]:
    if queue is not None:
        return [DeadLetters(broker, queue)]
    return [DeadLetters(broker, status.name) for status in queue_statuses(broker) if status.dead]


def _by_actor(letters: Iterable[DeadLetter], actor: str | None) -> Iterator[DeadLetter]:
    return (letter for letter in letters if actor is None or letter.actor_name == actor)


def _find(broker: RedisBroker, letter_id: str) -> tuple[DeadLetters, DeadLetter]:
    for letters in _queues(broker, None):
        letter = letters.get(letter_id)
        if letter is not None:
            return letters, letter
    raise click.ClickException(
        f"There is no dead letter {letter_id!r}. `python -m barback dead list` shows their ids."
    )


def _table(letters: list[DeadLetter]) -> Table:
    table = Table(
        Column("Id", no_wrap=True, min_width=32),  # whole, so that it can be copied
        Column("Queue", no_wrap=True, min_width=7),
        Column("Actor", no_wrap=True, min_width=7),
        Column("Died", no_wrap=True, min_width=9),
        Column("Why", no_wrap=True, overflow="ellipsis"),
        box=box.SIMPLE_HEAD,
    )
    for letter in letters:
        table.add_row(
            letter.id,
            letter.queue_name,
            letter.actor_name or "-",
            f"{duration(time.time() - letter.died_at)} ago",
            f"{letter.reason}: {letter.error}" if letter.error else letter.reason,
        )
    return table


def _time(unix_seconds: float) -> str:
    local = dt.datetime.fromtimestamp(unix_seconds).astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S")
