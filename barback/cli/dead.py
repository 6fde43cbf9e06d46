"""``dead``: dead letters."""

from __future__ import annotations

import sys
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress

from barback.cli.dead_table import letter_lines, letters_table
from barback.cli.name_type import NAME
from barback.cli.output import json_option, print_json, print_table
from barback.control.beginnings import scan_payloads
from barback.control.locating import SEARCH_AT_MOST
from barback.dead_letters import DeadLetters
from barback.messages.ids import STEM_LENGTH
from barback.monitoring.queues import queue_statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from barback.broker import RedisBroker
    from barback.cli.target import Target
    from barback.dead_letters import DeadLetter

    Change = Callable[[DeadLetters, Iterable[DeadLetter]], Iterator[int]]

_NONE_SUCH = "There are no such dead letters. Without --queue and --actor, `dead list` shows all."

_UNKNOWN_ACTOR = (
    "An unknown actor is one that the worker had not imported: import its module where the others "
    "are, start the worker anew, then `dead requeue`."
)


@click.group
def dead() -> None:
    """Look at dead letters, send them again, or delete them.

    A dead letter is a message that was given up: its actor failed more often than it may be
    retried, or is unknown; its payload is no message; or three workers died over it.

    An ID is that of the list, or Dramatiq's `message_id`, as logs have it. It may be shortened to
    its first characters, as long as they name one dead letter.
    """


def _filter(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that leave out some dead letters."""
    command = click.option("--actor", type=NAME, help="Only those of this actor.")(command)
    return click.option("--queue", type=NAME, help="Only those of this queue.")(command)


def _selection(command: Callable[..., Any]) -> Callable[..., Any]:
    """The ids and options that say which dead letters to change."""
    command = click.option(
        "--all", "everything", is_flag=True, help="All dead letters of all queues."
    )(command)
    return click.argument("ids", metavar="[ID]...", type=NAME, nargs=-1)(_filter(command))


@dead.command("list")
@_filter
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="How many to list at the most.",
)
@json_option
@click.pass_obj
def list_letters(
    target: Target, *, queue: str | None, actor: str | None, limit: int, as_json: bool
) -> None:
    """List dead letters, the latest of each queue first."""
    with target.broker() as broker:
        queues = _queues(broker, queue)
        total = sum(len(letters) for letters in queues)
        found = chain.from_iterable(_by_actor(letters, actor) for letters in queues)
        shown = list(islice(found, limit))
        is_cut = next(found, None) is not None
    if as_json:
        print_json(shown)
    elif not shown:
        click.echo(_NONE_SUCH if queue or actor else "There are no dead letters.")
    else:
        print_table(letters_table(shown))
        if is_cut:
            how_many = "There are" if actor else f"{total - len(shown):,}"  # not all were read
            click.echo(f"{how_many} more; --limit shows them.")
        if any(letter.reason == "unknown actor" for letter in shown):
            click.echo(_UNKNOWN_ACTOR)


@dead.command
@click.argument("ids", metavar="ID...", type=NAME, nargs=-1, required=True)
@json_option
@click.pass_obj
def show(target: Target, *, ids: tuple[str, ...], as_json: bool) -> None:
    """Show everything that is known about dead letters."""
    with target.broker() as broker:
        letters = _find(broker, ids)
    if as_json:
        print_json(letters[0] if len(ids) == 1 else letters)
    else:
        click.echo("\n\n".join("\n".join(letter_lines(letter)) for letter in letters))


@dead.command
@_selection
@json_option
@click.pass_obj
def requeue(target: Target, /, *, as_json: bool, **selection: Any) -> None:
    """Send dead letters again, with all their retries before them.

    Name them by their ids, by --queue, by --actor, or say --all.
    """
    _change(target, DeadLetters.requeue, "requeued", as_json=as_json, **selection)


@dead.command
@_selection
@json_option
@click.pass_obj
def delete(target: Target, /, *, as_json: bool, **selection: Any) -> None:
    """Delete dead letters for good.

    Name them by their ids, by --queue, by --actor, or say --all.
    """
    _change(target, DeadLetters.delete, "deleted", as_json=as_json, **selection)


def _change(
    target: Target,
    change: Change,
    verb: str,
    *,
    ids: tuple[str, ...],
    queue: str | None,
    actor: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    has_filter = bool(queue or actor or everything)
    if bool(ids) == has_filter:
        raise click.UsageError(
            "Say which dead letters: either ids, or --queue NAME, --actor NAME or --all."
        )
    with target.broker() as broker:
        if ids:
            done = _change_some(broker, _find(broker, ids), change)
        else:
            done = _change_queues(_queues(broker, queue), actor, change, verb)
    if as_json:
        print_json({verb: done})
    else:
        click.echo(f"{done:,} {verb}.")
        if not done and (queue or actor):
            click.echo(_NONE_SUCH, err=True)


def _change_some(broker: RedisBroker, letters: list[DeadLetter], change: Change) -> int:
    by_queue = groupby(
        sorted(letters, key=lambda letter: letter.queue_name), lambda letter: letter.queue_name
    )
    return sum(sum(change(DeadLetters(broker, queue), chosen)) for queue, chosen in by_queue)


def _change_queues(queues: list[DeadLetters], actor: str | None, change: Change, verb: str) -> int:
    done = 0
    total = sum(len(letters) for letters in queues)
    with Progress(
        console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True
    ) as progress:
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


def _find(broker: RedisBroker, ids: Iterable[str]) -> list[DeadLetter]:
    """The dead letters of some ids or beginnings of ids, each once."""
    queues = _queues(broker, None)
    found = chain.from_iterable(_find_one(broker, queues, letter_id) for letter_id in ids)
    return list(_distinct(found))


def _find_one(broker: RedisBroker, queues: list[DeadLetters], letter_id: str) -> list[DeadLetter]:
    whole = [letter for letters in queues if (letter := letters.get(letter_id))]
    found = whole
    if letter_id and not found:
        scanned = chain.from_iterable(letters.beginning_with(letter_id) for letters in queues)
        found = list(islice(_distinct(scanned), 2))
    if letter_id and not found:
        by_message_id = chain(
            _by_message_id(broker, letter_id), _of_other_programs(queues, letter_id)
        )
        found = list(islice(_distinct(by_message_id), 2))
    if not found:
        raise click.ClickException(
            f"There is no dead letter {letter_id!r}. `python -m barback dead list` shows their ids."
        )
    if not whole and len(found) > 1:
        raise click.ClickException(
            f"Several dead letters begin with {letter_id!r}, such as {found[0].id!r} and "
            f"{found[1].id!r}. Give more of the id."
        )
    return found


def _by_message_id(broker: RedisBroker, beginning: str) -> Iterator[DeadLetter]:
    for entry in scan_payloads(broker.store, sorted(broker.store.queue_names()), beginning):
        if letter := DeadLetters(broker, entry.queue_name).get(entry.redis_id):
            yield letter


def _of_other_programs(queues: list[DeadLetters], beginning: str) -> Iterator[DeadLetter]:
    """Those whose message id their own id does not tell, so that each has to be looked at."""
    if len(beginning) < STEM_LENGTH:
        return
    scanned = chain.from_iterable(letters.scan() for letters in queues)
    for letter in islice(scanned, SEARCH_AT_MOST):
        if letter.fields and letter.fields["message_id"].startswith(beginning):
            yield letter


def _distinct(letters: Iterable[DeadLetter]) -> Iterator[DeadLetter]:
    seen: set[tuple[str, str]] = set()
    for letter in letters:
        if (letter.queue_name, letter.id) not in seen:
            seen.add((letter.queue_name, letter.id))
            yield letter
