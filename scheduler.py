#!/usr/bin/env python
"""Orders by the clock: standing orders, made, changed and run."""

from __future__ import annotations

import environment  # noqa: F401 - first, as it is about the imports that follow

# isort: split
import contextlib
import datetime as dt
import json
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, cast

import click
import dramatiq

from barback.cli.control import ask
from barback.cli.name_type import each_once
from barback.cli.output import print_table
from barback.logs import start_logging
from barback.version import __version__
from database.engine import reading, writing
from database.errors import explain_errors
from database.standing_orders import (
    StandingOrder,
    all_standing_orders,
    hold_standing_order,
    remove_standing_orders,
    resume,
)
from menu import DRINKS
from settings import settings
from standing_orders.listing import as_json, as_line, as_table
from standing_orders.liveness import scheduler_is_running
from standing_orders.options import Interval, is_cron, is_timezone, point_in_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from barback import RedisBroker


_ids = click.argument("order_ids", metavar="ID...", nargs=-1, required=True, callback=each_once)
_json_option = click.option("--json", "print_json", is_flag=True, help="Print JSON, for programs.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scheduler.py")
def main() -> None:
    """Standing orders: a drink, again and again, by a schedule of your own.

    If no scheduler ran when an order was due, it is placed once, up to an hour late.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the broker cannot be reached.
    """


@main.command
@click.argument("drink", type=click.Choice(sorted(DRINKS)))
@click.argument("cron", required=False, callback=is_cron)
@click.option("--every", "every_seconds", type=Interval(), help="An interval, such as 90m.")
@click.option("--at", metavar="TIME", help='Once, at a time such as "2027-01-01 09:00".')
@click.option(
    "--timezone",
    default=settings.bar_timezone,
    show_default=True,
    callback=is_timezone,
    help="Whose clocks the schedule goes by, such as Europe/Lisbon.",
)
@_json_option
def add(
    *,
    drink: str,
    cron: str | None,
    every_seconds: int | None,
    at: str | None,
    timezone: str,
    print_json: bool,
) -> None:
    """Order DRINK by the cron expression CRON, or by --every, or by --at.

    \b
    python scheduler.py add coffee "0 8 * * mon-fri" --timezone Europe/Lisbon
    python scheduler.py add coffee --every 90m
    python scheduler.py add beer --at "2027-01-01 09:00"
    """  # noqa: D301 - click reads \b as "keep these lines"
    if sum(given is not None for given in (cron, every_seconds, at)) != 1:
        raise click.UsageError(
            'Say when, in one way: a cron expression such as "0 8 * * mon-fri", --every or --at.'
        )
    moment = point_in_time(at, timezone)
    with _transaction() as session:
        order = StandingOrder(
            drink=drink, cron=cron, every_seconds=every_seconds, at=moment, timezone=timezone
        )
        session.add(order)
    _show(order, print_json=print_json)


@main.command("list")
@_json_option
def list_command(*, print_json: bool) -> None:
    """Show all standing orders, and when each runs next."""
    with explain_errors(), reading() as session:
        orders = all_standing_orders(session)
    if print_json:
        click.echo(json.dumps([as_json(order) for order in orders], indent=2))
    elif orders:
        print_table(as_table(orders))
        _warn_if_nobody_runs_them()
    else:
        click.echo('There are none. Make one: python scheduler.py add coffee "0 8 * * mon-fri"')


@main.command
@_ids
@_json_option
def pause(*, order_ids: tuple[str, ...], print_json: bool) -> None:
    """Stop ordering until `resume`."""
    with _transaction() as session:
        orders = [_find(session, order_id) for order_id in order_ids]
        for order in orders:
            order.is_paused = True
    _show(*orders, print_json=print_json)


@main.command("resume")
@_ids
@_json_option
def resume_command(*, order_ids: tuple[str, ...], print_json: bool) -> None:
    """Go on ordering. Runs that fell into the pause are left out."""
    with _transaction() as session:
        orders = [_find(session, order_id) for order_id in order_ids]
        for order in orders:
            resume(order)
    _show(*orders, print_json=print_json)


@main.command
@_ids
def remove(*, order_ids: tuple[str, ...]) -> None:
    """Forget standing orders."""
    with _transaction() as session:
        for order_id in order_ids:
            session.delete(_find(session, order_id))
    for order_id in order_ids:
        click.echo(f"{order_id}  removed")


@main.command("remove-flood")
@click.option(
    "--made-within",
    "within_seconds",
    type=Interval(),
    required=True,
    help="How far back, such as 2h.",
)
@click.option("--drink", type=click.Choice(sorted(DRINKS)), help="Only orders of this drink.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_flood(*, within_seconds: int, drink: str | None, yes: bool) -> None:
    """Forget all standing orders that visitors made on the website lately.

    Those made with `add` stay.
    """
    if not yes:
        ask("Visitors will lose what they made. Go on?")
    since = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=within_seconds)
    with _transaction() as session:
        count = remove_standing_orders(session, made_since=since, drink=drink)
    click.echo(f"Standing orders removed: {count}.")


@main.command
def run() -> None:
    """Run the standing orders until SIGTERM or Ctrl-C. Any number of these may run."""
    start_logging(as_json=settings.log_format == "json", level=settings.log_level)
    for chatty in ("apscheduler", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with explain_errors(), reading() as session:
        count = len(all_standing_orders(session))
    from actors import SERVING_ACTORS  # noqa: PLC0415 - needs the broker
    from standing_orders.runner import Runner  # noqa: PLC0415

    broker = cast("RedisBroker", dramatiq.get_broker())
    runner = Runner(broker, SERVING_ACTORS)
    runner.require_server()
    logging.getLogger("bar.standing_orders").info("Running standing orders: %d.", count)
    runner.run(stop)


@contextlib.contextmanager
def _transaction() -> Iterator[Session]:
    with explain_errors(), writing() as session:
        yield session


def _find(session: Session, order_id: str) -> StandingOrder:
    # What is no text, as a shell may pass it, no database can look for.
    order = hold_standing_order(session, order_id) if order_id.isascii() else None
    if order is None:
        raise click.UsageError(
            f"There is no standing order {order_id!r}. `python scheduler.py list` shows them."
        )
    return order


def _show(*orders: StandingOrder, print_json: bool) -> None:
    if print_json:
        shown = [as_json(order) for order in orders]
        click.echo(json.dumps(shown if len(shown) > 1 else shown[0], indent=2))
    else:
        for order in orders:
            click.echo(as_line(order))
        _warn_if_nobody_runs_them()


def _warn_if_nobody_runs_them() -> None:
    if scheduler_is_running() is False:
        click.echo("No scheduler is running. Start one: python scheduler.py run", err=True)


if __name__ == "__main__":
    # A shell that asks for completions knows the program by the name of its file.
    is_completing = "_SCHEDULER_PY_COMPLETE" in os.environ
    main(prog_name=None if is_completing else "python scheduler.py")
