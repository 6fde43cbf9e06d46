"""``release`` and ``forget``: rare acts, when a fleet or a queue moves on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from barback.cli.name_type import NAME
from barback.cli.output import json_option, print_json
from barback.compat.delayed import release_delayed
from barback.monitoring.queues import forget_queue, queue_statuses
from barback.printable import printable

if TYPE_CHECKING:
    from barback.cli.target import Target


@click.command
@click.option("--queue", type=NAME, required=True, help="The queue.")
@json_option
@click.pass_obj
def release(target: Target, *, queue: str, as_json: bool) -> None:
    """Give delayed messages back to stock Dramatiq.

    On the way back to dramatiq.brokers.redis.RedisBroker: when the last of our workers has
    stopped, this puts the delayed messages of a queue where stock workers look for them. It may
    be interrupted; the next run goes on.
    """
    with target.broker() as broker:
        statuses = [status for status in queue_statuses(broker) if status.name == queue]
        if any(status.workers for status in statuses):
            raise click.ClickException(
                f"Workers of barback still serve {printable(queue)}, and would take the messages "
                "back at once. Stop them first."
            )
        released = 0
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("released", total=sum(status.delayed for status in statuses))
            for count in release_delayed(broker.store, queue):
                released += count
                progress.advance(task, count)
    if as_json:
        print_json({"queue_name": queue, "released": released})
    else:
        click.echo(f"{released:,} released.")


@click.command
@click.argument("queue", type=NAME)
@json_option
@click.pass_obj
def forget(target: Target, *, queue: str, as_json: bool) -> None:
    """Leave QUEUE out of `status` from now on: it is empty and nobody uses it any more."""
    with target.broker() as broker:
        try:
            was_known = forget_queue(broker, queue)
        except ValueError as error:
            raise click.ClickException(printable(str(error))) from None
    if as_json:
        print_json({"queue_name": queue, "was_known": was_known})
    else:
        click.echo(f"{printable(queue)} {'is forgotten' if was_known else 'was not known'}.")
