"""``status``: what runs and what waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
from rich.table import Column

from barback.cli.output import (
    cell,
    json_option,
    new_table,
    print_json,
    print_table,
    progress_in_words,
)
from barback.connection.server import describe_server, each_server
from barback.control import list_running, paused
from barback.durations import duration_in_words
from barback.monitoring.queues import queue_statuses
from barback.monitoring.workers import list_workers
from barback.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

    from barback.cli.target import Target
    from barback.control import MessageStatus, PausedQueue
    from barback.monitoring.queues import QueueStatus
    from barback.monitoring.workers import WorkerStatus


#: How many of the messages that run are shown, those that have run longest.
MAX_RUNNING = 20


@click.command
@json_option
@click.pass_obj
def status(target: Target, *, as_json: bool) -> None:
    """Show the server, every queue and the workers.

    \b
    Ready    messages that wait for a worker
    Running  messages that workers hold: in work, or taken ahead
    Delayed  messages that wait for their time
    Dead     messages that were given up; see `python -m barback dead`
    Oldest   how long ago the next message was sent
    """  # noqa: D301 - click reads \b as "keep these lines"
    with target.broker() as broker:
        servers = [describe_server(client) for client in each_server(broker.client)]
        workers = list_workers(broker)
        queues = queue_statuses(broker, workers)
        pauses = list(paused(broker).values())
        running = list_running(broker, workers)
    if as_json:
        print_json(
            {
                "servers": servers,
                "queues": queues,
                "workers": workers,
                "pauses": pauses,
                "running": running,
            }
        )
        return
    for server in servers:
        click.echo(printable("{name} {version} on {address}, process {pid}".format(**server)))
    if not queues:
        click.echo("No message waits, and no worker runs.")
        return
    print_table(_queue_table(queues))
    for pause in pauses:
        click.echo(_describe_pause(pause))
    for queue in queues:
        if queue.limited:
            click.echo(printable(f"{queue.name}: {queue.limited:,} wait for room under a limit."))
    if running:
        print_table(_running_table(running))
    if workers:
        print_table(_worker_table(workers))
    else:
        click.echo("No worker runs.")


def _queue_table(queues: list[QueueStatus]) -> Table:
    numbers = ("Ready", "Running", "Delayed", "Dead", "Oldest", "Workers")
    table = new_table("Queue", *(Column(name, justify="right", no_wrap=True) for name in numbers))
    for queue in queues:
        oldest = queue.oldest_seconds
        table.add_row(
            cell(queue.name),
            *(f"{n:,}" for n in (queue.ready, queue.running, queue.delayed, queue.dead)),
            cell(None if oldest is None else duration_in_words(oldest)),
            cell("none", "red") if queue.is_unserved else str(queue.workers),
        )
    return table


def _describe_pause(pause: PausedQueue) -> str:
    now = time.time()
    text = f"{pause.queue_name} has been paused for {duration_in_words(now - pause.since)}"
    if pause.until is not None:
        text += f" and resumes in {duration_in_words(pause.until - now)}"
    return printable(f"{text}: {pause.reason}" if pause.reason else f"{text}.")


def _running_table(running: list[MessageStatus]) -> Table:
    table = new_table("Running", "Actor", "Worker", "For", "Progress")
    now = time.time()
    for message in running[:MAX_RUNNING]:
        progress = progress_in_words(message.progress)
        if message.cancelled_at is not None:
            asked = f"asked to stop {duration_in_words(now - message.cancelled_at)} ago"
            progress = f"{progress}; {asked}" if progress else asked
        table.add_row(
            cell(message.id),
            cell(message.actor_name),
            cell(message.worker),
            cell(duration_in_words(now - (message.since or now))),
            cell(progress),
        )
    return table


def _worker_table(workers: list[WorkerStatus]) -> Table:
    table = new_table("Worker", "Queues", "Threads", "Last heartbeat")
    for worker in workers:
        silence = duration_in_words(min(worker.silence_seconds.values()))
        table.add_row(
            cell(worker.name),
            cell(" ".join(sorted(worker.silence_seconds))),
            cell(str(worker.threads or "?")),
            cell(f"{silence} ago") if worker.is_live else cell(f"silent for {silence}", "red"),
        )
    return table
