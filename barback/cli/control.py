"""``pause``, ``resume`` and ``purge``: what workers do with a queue."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from barback import control
from barback.cli.duration_type import DurationType
from barback.cli.name_type import NAME
from barback.cli.output import json_option, print_json
from barback.durations import duration_in_words
from barback.monitoring.queues import queue_statuses
from barback.printable import printable

if TYPE_CHECKING:
    from barback.broker import RedisBroker
    from barback.cli.target import Target
    from barback.monitoring.queues import QueueStatus


@click.command
@click.argument("queue", type=NAME)
@click.option(
    "--for",
    "for_seconds",
    type=DurationType(),
    metavar="TIME",
    help="Resume by itself after this time: 90s, 10m, 1h30m. Without it, `resume` does.",
)
@click.option("--reason", help="Why, for whoever looks at `status`.")
@json_option
@click.pass_obj
def pause(
    target: Target, *, queue: str, for_seconds: int | None, reason: str | None, as_json: bool
) -> None:
    """Have workers take no more messages from QUEUE.

    What runs is finished. Messages can be sent: they wait.
    """
    with target.broker() as broker:
        warn_of_unknown(broker, queue)
        paused = control.pause(broker, queue, for_seconds=for_seconds, reason=reason)
    if as_json:
        print_json(paused)
        return
    how_long = "until `resume`" if for_seconds is None else f"for {duration_in_words(for_seconds)}"
    click.echo(f"{printable(queue)} is paused {how_long}.")


@click.command
@click.argument("queue", type=NAME)
@json_option
@click.pass_obj
def resume(target: Target, *, queue: str, as_json: bool) -> None:
    """Have workers take messages from QUEUE again."""
    with target.broker() as broker:
        was_paused = control.resume(broker, queue)
    if as_json:
        print_json({"queue_name": queue, "was_paused": was_paused})
    else:
        click.echo(f"{printable(queue)} {'is resumed' if was_paused else 'was not paused'}.")


@click.command
@click.argument("queue", type=NAME)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def purge(target: Target, *, queue: str, yes: bool, as_json: bool) -> None:
    """Delete the messages that wait in QUEUE, for good.

    Those that workers hold are finished, and delayed messages stay, as do dead letters: see
    `dead delete`.
    """
    with target.broker() as broker:
        status = warn_of_unknown(broker, queue)
        if not yes:
            waiting = status.waiting if status else 0
            ask(f"Messages that wait in {queue}: {waiting:,}. Delete them for good?")
        purged = control.purge(broker, queue)
    if as_json:
        print_json({"queue_name": queue, "purged": purged})
    else:
        click.echo(f"{purged:,} deleted.")


def warn_of_unknown(broker: RedisBroker, queue: str) -> QueueStatus | None:
    """The status of a queue. Say so where it is none, as its name may be mistyped."""
    status = next((it for it in queue_statuses(broker) if it.name == queue), None)
    if status is None:
        click.echo(
            f"Nothing was sent to {printable(queue)} and no worker serves it: is the name right?",
            err=True,
        )
    return status


def ask(question: str) -> None:
    """Go on only if somebody says yes."""
    try:
        is_meant = click.confirm(printable(question), err=True)
    except click.Abort:  # no answer
        if sys.stdin.isatty():
            raise
        raise click.UsageError("Nobody can be asked here. If it is meant, say --yes.") from None
    if not is_meant:
        raise click.Abort
