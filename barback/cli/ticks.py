"""``ticks``: what schedulers did last, and whether they still do."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table

from barback.heartbeat import Heartbeat
from barback.periodic.clock import server_now
from barback.periodic.record import TickRecord

if TYPE_CHECKING:
    from barback.broker import RedisBroker
    from barback.cli.target import Target

_EXIT_FAILED = 1


@click.command
@click.option(
    "--check",
    "program",
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
@click.option("--json", "print_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def ticks(target: Target, *, program: str | None, max_age_seconds: float, print_json: bool) -> None:
    """Show the last tick of each periodic actor."""
    with target.broker() as broker:
        if program is not None:
            _check(broker, program, max_age_seconds)
            return
        now = server_now(broker.client)
        sent = TickRecord(broker.client, broker.namespace).last_ticks()
    if print_json:
        click.echo(json.dumps({name: tick.isoformat() for name, tick in sent.items()}, indent=2))
    elif sent:
        Console().print(_table(sent, now))
    else:
        click.echo("No tick was sent yet. Is `periodiq` running?")


def _check(broker: RedisBroker, program: str, max_age_seconds: float) -> None:
    last = Heartbeat(broker.client, broker.namespace, program).last()
    if last is None:
        raise click.ClickException(f"{program} has not looked for ticks on this host.")
    age_seconds = (server_now(broker.client) - last).total_seconds()
    looked = f"{program} looked for ticks {age_seconds:.0f} s ago"
    if age_seconds > max_age_seconds:
        raise click.ClickException(f"{looked}, more than {max_age_seconds:.0f} s.")
    click.echo(f"{looked}.")


def _table(sent: dict[str, dt.datetime], now: dt.datetime) -> Table:
    table = Table("Actor", "Last tick", "Ago", box=box.SIMPLE_HEAD)
    for name, tick in sorted(sent.items()):
        ago = dt.timedelta(seconds=int((now - tick).total_seconds()))
        table.add_row(name, f"{tick:%Y-%m-%d %H:%M} UTC", str(ago))
    return table
