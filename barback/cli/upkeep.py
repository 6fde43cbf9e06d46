"""``release`` and ``forget``: rare acts, when a fleet or a queue moves on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress

from barback.cli.control import warn_of_unknown
from barback.cli.name_type import NAME
from barback.cli.output import json_option, print_json
from barback.compat.delayed import release_delayed
from barback.monitoring.queues import forget_queue
from barback.printable import printable

if TYPE_CHECKING:
    from barback.broker import RedisBroker
    from barback.cli.target import Target
    from barback.monitoring.queues import QueueStatus


@click.command
@click.option("--queue", type=NAME, required=True, help="The queue.")
@json_option
@click.pass_obj
def release(target: Target, *, queue: str, as_json: bool) -> None:
    """Give delayed messages back to stock Dramatiq.

    On the way back to dramatiq.brokers.redis.RedisBroker: when the last of our workers has
    stopped, this puts the delayed messages of a queue where stock workers look for them. It may
    be interrupted; the next run goes on. What waits with a priority, or for room under a limit,
    has to be done before: stock workers do not look there.
    """
    with target.broker() as broker:
        status = warn_of_unknown(broker, queue)
        if status is not None:
            _require_that_stock_finds_all(broker, status)
        released = 0
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("released", total=status.delayed if status else 0)
            for count in release_delayed(broker.store, queue):
                released += count
                progress.advance(task, count)
    if as_json:
        print_json({"queue_name": queue, "released": released})
    else:
        click.echo(f"{released:,} released.")


def _require_that_stock_finds_all(broker: RedisBroker, status: QueueStatus) -> None:
    name = printable(status.name)
    if status.workers:
        raise click.ClickException(
            f"Workers of barback still serve {name}, and would take the messages back at once. "
            "Stop them first."
        )
    plain: Any = broker.client.llen(broker.store.keys(status.name).queue)
    if status.waiting > plain:
        raise click.ClickException(
            f"Messages of {name} with a priority, or that wait for room under a limit: "
            f"{status.waiting - plain:,}. Stock workers would never find them. Have workers of "
            "barback do them first."
        )


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
