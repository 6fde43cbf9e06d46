#!/usr/bin/env python
"""Orders by hand: put beers and coffees into their queues."""

from __future__ import annotations

import environment  # noqa: F401 - first, as it is about the imports that follow

# isort: split
import contextlib
import json
import math
import os
import secrets
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn, cast

import click
import dramatiq
import redis

from actors import serve_a_beer, serve_a_coffee
from actors.serving import Served
from barback.connection.remedies import explained, remedy
from barback.control import paused
from barback.errors import BrokerUnavailable, BulkEnqueueFailed, UnsuitableServer
from barback.monitoring.workers import live_queues
from barback.printable import printable
from barback.results import await_results
from barback.sending.bulk import enqueue_all
from barback.version import __version__
from order_progress import collect, display_for, print_summaries, summaries_of, until_gone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dramatiq.results.backends import RedisBackend

    from barback import RedisBroker
    from order_progress import Summary

Order = dramatiq.Message[Served]

MAX_ORDERS = 100_000

#: Up to so many orders of a drink are listed one by one.
_LISTED_ORDERS = 5

#: With --wait, workers that were started together with the producer get so long to appear.
_PATIENCE_SECONDS = 3
_POLL_SECONDS = 0.1

_EXIT_FAILED = 1
_EXIT_UNREACHABLE = 3
_EXIT_INTERRUPTED = 130


def start_serving_a_beer() -> Order:
    """Order a beer. A worker serves it, later; this returns at once."""
    return serve_a_beer.send(_new_order_id())


def start_serving_a_coffee() -> Order:
    """Order a coffee. A worker serves it, later; this returns at once."""
    return serve_a_coffee.send(_new_order_id())


def start_serving(*, beers: int = 0, coffees: int = 0, delay_ms: int = 0) -> list[Order]:
    """Order many drinks, to be served when the delay is over."""
    actors = [serve_a_beer] * beers + [serve_a_coffee] * coffees
    return _send_all((actor.message(_new_order_id()) for actor in actors), delay_ms=delay_ms)


def _send_all(orders: Iterable[Order], *, delay_ms: int) -> list[Order]:
    sent = list(orders)
    enqueue_all(serve_a_beer.broker, sent, delay_ms=delay_ms or None)
    return sent


def _new_order_id() -> str:
    return secrets.token_hex(8)


class _Seconds(click.FloatRange):
    """A range that "nan" is not in."""

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return seconds


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="producer.py")
@click.option("--beers", type=click.IntRange(1, MAX_ORDERS), help="How many beers to order.")
@click.option("--coffees", type=click.IntRange(1, MAX_ORDERS), help="How many coffees to order.")
@click.option(
    "--delay",
    "delay_seconds",
    type=_Seconds(0, 7 * 86400),
    default=0,
    metavar="SECONDS",
    help="Serve the orders when this time has passed.",
)
@click.option("--wait", is_flag=True, help="Wait until all is served, and show how it went.")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=_Seconds(0, 7 * 86400, min_open=True),
    metavar="SECONDS",
    help="The longest to wait, with --wait.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def main(
    *,
    beers: int | None,
    coffees: int | None,
    delay_seconds: float,
    wait: bool,
    timeout_seconds: float | None,
    as_json: bool,
) -> None:
    """Order drinks; without options, a beer and a coffee.

    The orders stay in the queues "beer" and "coffee" until a worker serves them. To see why
    there are two queues, start a worker for each, in terminals of their own, and order a lot:

    \b
        dramatiq actors -Q beer
        dramatiq actors -Q coffee
        python producer.py --beers 200 --coffees 200 --wait

    The coffees do not wait for the beers. Now do the same with one worker for both queues,
    dramatiq actors -Q beer coffee, and compare.

    Exit codes: 0 done, 1 an order failed or was not served in time, 2 wrong usage, 3 the
    broker cannot be reached, 130 interrupted.
    """  # noqa: D301 - click reads \b as "keep these lines"
    if timeout_seconds is not None and not wait:
        raise click.UsageError("--timeout goes with --wait.")
    if beers is None and coffees is None:
        beers = coffees = 1
    delay_ms = int(delay_seconds * 1000)
    with _explain_errors():
        orders = start_serving(beers=beers or 0, coffees=coffees or 0, delay_ms=delay_ms)
        unserved = _queues_without_worker(orders, patience_seconds=_PATIENCE_SECONDS * wait)
        if not as_json:
            _print_orders(orders)
            _print_hint(unserved)
            _print_pauses({order.queue_name for order in orders})
        summaries = summaries_of(orders)
        if wait:
            _wait(orders, summaries, timeout_seconds, delay_ms=delay_ms, quiet=as_json)
    if as_json:
        click.echo(json.dumps(_as_json(orders, unserved, summaries if wait else None), indent=2))
    elif wait:
        print_summaries(summaries)
    if wait and any(summary.failed or summary.outstanding for summary in summaries):
        raise SystemExit(_EXIT_FAILED)


def _queues_without_worker(orders: Iterable[Order], *, patience_seconds: float) -> list[str]:
    """The queues of these orders that no worker serves, nor starts to within the patience."""
    broker = cast("RedisBroker", serve_a_beer.broker)
    queue_names = {order.queue_name for order in orders}
    deadline = time.monotonic() + patience_seconds
    while not queue_names <= live_queues(broker) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return sorted(queue_names - live_queues(broker))


def _print_orders(orders: list[Order]) -> None:
    counts = Counter(order.queue_name for order in orders)
    for queue_name, count in counts.items():
        if count > _LISTED_ORDERS:
            _print_order_line(queue_name, f"{count} orders")
        else:
            for order in orders:
                if order.queue_name == queue_name:
                    shown = f"{order.args[0][:6]}…  message {order.message_id[:8]}"
                    _print_order_line(queue_name, shown)


def _print_order_line(queue_name: str, what: str) -> None:
    click.echo(f"{queue_name:<7} → queue {queue_name:<8} {what}")


def _print_hint(unserved: list[str]) -> None:
    if unserved:
        click.echo(f"No worker is serving {' or '.join(unserved)} yet. In another terminal:")
        for queue_name in unserved:
            by_make = f"make worker-{queue_name}"
            click.echo(f"    {by_make:<21} or: dramatiq actors -Q {queue_name}")


def _print_pauses(queue_names: set[str]) -> None:
    for pause in paused(cast("RedisBroker", serve_a_beer.broker)).values():
        if pause.queue_name in queue_names:
            reason = f": {printable(pause.reason)}" if pause.reason else ""
            cure = f"To have it served: python -m barback resume {pause.queue_name}"
            click.echo(f"{pause.queue_name} is paused{reason}. {cure}")


def _wait(
    orders: list[Order],
    summaries: list[Summary],
    timeout_seconds: float | None,
    *,
    delay_ms: int,
    quiet: bool,
) -> None:
    broker = cast("RedisBroker", serve_a_beer.broker)
    backend = cast("RedisBackend", broker.get_results_backend())
    outcomes = await_results(backend, orders, timeout_seconds=timeout_seconds)
    coming = until_gone(outcomes, summaries, broker)
    collect(coming, summaries, display_for(summaries, quiet=quiet), delay_ms=delay_ms)


def _as_json(
    orders: list[Order], unserved: list[str], summaries: list[Summary] | None
) -> dict[str, object]:
    return {
        "orders": [
            {"queue": o.queue_name, "order_id": o.args[0], "message_id": o.message_id}
            for o in orders
        ],
        "queues_without_worker": unserved,
        "summary": None if summaries is None else [summary.as_json() for summary in summaries],
    }


@contextlib.contextmanager
def _explain_errors() -> Iterator[None]:
    try:
        yield
    except UnsuitableServer as error:
        _fail(f"Error: {error}", _EXIT_UNREACHABLE)
    except (BrokerUnavailable, redis.RedisError) as error:
        _fail_for(error)
    except BulkEnqueueFailed as error:
        if not isinstance(error.__cause__, (BrokerUnavailable, redis.RedisError)):
            raise
        _fail_for(error.__cause__)
    except KeyboardInterrupt:
        _fail(
            "\nInterrupted. What was ordered stays in the queue and is served as soon as a "
            "worker is free.",
            _EXIT_INTERRUPTED,
        )


def _fail_for(error: Exception) -> NoReturn:
    """The broker does not do what it should: say which of the two, away or unwilling, and why."""
    if isinstance(error.__cause__ or error, redis.ResponseError):
        what, cure = "refuses it", " See what keeps the server from writing."
    else:
        what, cure = "cannot be reached", " Check REDIS_URL and that the server runs."
    _fail(
        f"Error: The broker {what}: {explained(error)}.{'' if remedy(error) else cure} "
        "What was ordered before stays in the queue.",
        _EXIT_UNREACHABLE,
    )


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(exit_code)


if __name__ == "__main__":
    # A shell that asks for completions knows the program by the name of its file.
    is_completing = "_PRODUCER_PY_COMPLETE" in os.environ
    main(prog_name=None if is_completing else "python producer.py")
