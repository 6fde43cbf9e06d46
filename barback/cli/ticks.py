"""``ticks``: what schedulers did last, and whether they still do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from barback.cli.name_type import NAME
from barback.cli.output import cell, json_option, new_table, print_json, print_table
from barback.durations import duration_in_words
from barback.periodic.clock import server_now
from barback.periodic.liveness import Heartbeat
from barback.periodic.record import TickRecord

if TYPE_CHECKING:
    import datetime as dt

    from rich.table import Table

    from barback.broker import RedisBroker
    from barback.cli.target import Target


@click.command
@click.option(
    "--check",
    "program",
    type=NAME,
    metavar="PROGRAM",
    help="Check one on this host instead, such as periodiq: exit code 1 if it seems to be stuck.",
)
@click.option(
    "--max-age",
    "max_age_seconds",
    type=click.FloatRange(min=1),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="With --check: the longest since it last looked for ticks that are due.",
)
@json_option
@click.pass_obj
def ticks(target: Target, *, program: str | None, max_age_seconds: float, as_json: bool) -> None:
    """Show the last tick of each periodic actor."""
    with target.broker() as broker:
        if program is not None:
            _check(broker, program, max_age_seconds, as_json=as_json)
            return
        now = server_now(broker.client)
        sent = TickRecord(broker.client, broker.namespace).last_ticks()
    if as_json:
        print_json({name: tick.isoformat() for name, tick in sent.items()})
    elif sent:
        print_table(_table(sent, now))
    else:
        click.echo("No tick was sent yet. Is `periodiq` running?")


def _check(broker: RedisBroker, program: str, max_age_seconds: float, *, as_json: bool) -> None:
    last = Heartbeat(broker.client, broker.namespace, program).last()
    age_seconds = None if last is None else (server_now(broker.client) - last).total_seconds()
    is_healthy = age_seconds is not None and age_seconds <= max_age_seconds
    if as_json:
        print_json({program: {"healthy": is_healthy, "silence_seconds": age_seconds}})
        sys.exit(0 if is_healthy else 1)
    if age_seconds is None:
        raise click.ClickException(f"{program} has not looked for ticks on this host.")
    looked = f"{program} looked for ticks {duration_in_words(age_seconds)} ago"
    if not is_healthy:
        raise click.ClickException(f"{looked}, more than {duration_in_words(max_age_seconds)}.")
    click.echo(f"{looked}.")


def _table(sent: dict[str, dt.datetime], now: dt.datetime) -> Table:
    table = new_table("Actor", "Last tick", "Ago")
    for name, tick in sorted(sent.items()):
        ago = duration_in_words((now - tick).total_seconds())
        table.add_row(cell(name), cell(f"{tick:%Y-%m-%d %H:%M} UTC"), cell(ago))
    return table
