"""``health``: for health checks of containers and services."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from barback.cli.name_type import NAME
from barback.cli.output import json_option, print_json
from barback.control import paused
from barback.durations import duration_in_words
from barback.monitoring.health import lost_threads_on_this_host, silence_on_this_host
from barback.monitoring.workers import MAX_SILENCE_SECONDS
from barback.printable import printable

if TYPE_CHECKING:
    from barback.cli.target import Target


@click.command
@click.option(
    "--queue", "queues", type=NAME, multiple=True, required=True, help="The queue; repeatable."
)
@click.option(
    "--max-age",
    "max_age_seconds",
    type=click.FloatRange(0, min_open=True),
    default=MAX_SILENCE_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long ago the last heartbeat may be.",
)
@json_option
@click.pass_obj
def health(
    target: Target, *, queues: tuple[str, ...], max_age_seconds: float, as_json: bool
) -> None:
    """Exit with 0 only if a worker on this machine serves each queue.

    A worker counts when it has, within the last seconds, taken messages from the queue through
    the broker or waited there for some, and if none of its threads has died. While a queue is
    paused, its worker is as healthy as ever. Exit codes: 0 healthy, 1 not, 3 the broker cannot be
    reached.
    """
    with target.broker() as broker:
        silences = {queue: silence_on_this_host(broker, queue) for queue in queues}
        lost_threads = {queue: lost_threads_on_this_host(broker, queue) for queue in queues}
        pauses = paused(broker)
    healthy = {
        queue: seconds is not None and seconds <= max_age_seconds and not lost_threads[queue]
        for queue, seconds in silences.items()
    }
    if as_json:
        print_json(
            {
                queue: {
                    "healthy": healthy[queue],
                    "silence_seconds": seconds,
                    "lost_threads": lost_threads[queue],
                    "paused": queue in pauses,
                }
                for queue, seconds in silences.items()
            }
        )
    else:
        for queue, seconds in silences.items():
            text = _describe(queue, seconds, lost_threads[queue], is_healthy=healthy[queue])
            click.echo(f"{text} It is paused." if queue in pauses else text)
    sys.exit(0 if all(healthy.values()) else 1)


def _describe(queue: str, seconds: float | None, lost_threads: int, *, is_healthy: bool) -> str:
    if seconds is None:
        return f"{printable(queue)}: no worker on this machine serves it."
    state = "healthy" if is_healthy else "unhealthy"
    lost = f" Threads that died: {lost_threads}; restart the worker." if lost_threads else ""
    return f"{printable(queue)}: {state}, last heartbeat {duration_in_words(seconds)} ago.{lost}"
