"""Orders by the clock: standing orders, made, changed and run."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import signal
import threading
from typing import TYPE_CHECKING, cast

import click
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from database.engine import reading, writing
from database.menu import MENU
from database.standing_orders import StandingOrder, all_standing_orders, resume
from settings import settings
from standing_orders.listing import as_json, as_table, next_in_words
from standing_orders.options import Interval, is_cron, is_timezone, point_in_time
from standing_orders.words import schedule_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from barback import RedisBroker

_json_option = click.option("--json", "print_json", is_flag=True, help="Print JSON, for programs.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Standing orders: a drink, again and again, by a schedule of your own.

    A run that no scheduler was there for is made up for once, within an hour.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the broker cannot be reached.
    """


@main.command
@click.argument("drink", type=click.Choice(sorted(MENU)))
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
    with _explain_errors(), reading() as session:
        orders = all_standing_orders(session)
    if print_json:
        click.echo(json.dumps([as_json(order) for order in orders], indent=2))
    elif orders:
        Console().print(as_table(orders))
    else:
        click.echo('There are none. Make one: python scheduler.py add coffee "0 8 * * mon-fri"')


@main.command
@click.argument("order_id", metavar="ID")
@_json_option
def pause(*, order_id: str, print_json: bool) -> None:
    """Stop ordering until `resume`."""
    with _transaction() as session:
        order = _find(session, order_id)
        order.is_paused = True
    _show(order, print_json=print_json)


@main.command("resume")
@click.argument("order_id", metavar="ID")
@_json_option
def resume_command(*, order_id: str, print_json: bool) -> None:
    """Go on ordering. Runs that fell into the pause are not made up for."""
    with _transaction() as session:
        order = _find(session, order_id)
        resume(order)
    _show(order, print_json=print_json)


@main.command
@click.argument("order_id", metavar="ID")
def remove(*, order_id: str) -> None:
    """Forget a standing order."""
    with _transaction() as session:
        session.delete(_find(session, order_id))
    click.echo(f"{order_id}  removed")


@main.command
def run() -> None:
    """Run the standing orders until SIGTERM or Ctrl-C. Any number of these may run."""
    logging.basicConfig(
        level=logging.INFO, format="[%(asctime)s] [PID %(process)d] [%(levelname)s] %(message)s"
    )
    for chatty in ("apscheduler", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _explain_errors(), reading() as session:
        count = len(all_standing_orders(session))
    from actors import serve_a_beer, serve_a_coffee  # noqa: PLC0415 - needs the broker
    from standing_orders.runner import Runner  # noqa: PLC0415

    logging.getLogger("bar.standing_orders").info("Running %d standing orders.", count)
    broker = cast("RedisBroker", serve_a_beer.broker)
    Runner(broker, {"beer": serve_a_beer, "coffee": serve_a_coffee}).run(stop)


@contextlib.contextmanager
def _transaction() -> Iterator[Session]:
    with _explain_errors(), writing() as session:
        yield session


@contextlib.contextmanager
def _explain_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise click.ClickException(
            f"the books cannot be used: {reason}. Check DATABASE_URL, and make the tables with "
            "`python -m database migrate`."
        ) from None


def _find(session: Session, order_id: str) -> StandingOrder:
    order = session.get(StandingOrder, order_id)
    if order is None:
        raise click.UsageError(
            f"There is no standing order {order_id!r}. `python scheduler.py list` shows them."
        )
    return order


def _show(order: StandingOrder, *, print_json: bool) -> None:
    if print_json:
        click.echo(json.dumps(as_json(order), indent=2))
    else:
        upcoming = next_in_words(order, dt.datetime.now(dt.UTC))
        click.echo(f"{order.id}  {order.drink}, {schedule_in_words(order)}: {upcoming}")


if __name__ == "__main__":
    main(prog_name="python scheduler.py")
