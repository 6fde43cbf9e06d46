"""``status``: what runs and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.table import Column, Table

from barback.cli.output import duration, json_option, print_json
from barback.status import queue_statuses
from barback.workers import list_workers

if TYPE_CHECKING:
    from barback.broker import RedisBroker
    from barback.cli.target import Target
    from barback.status import QueueStatus
    from barback.workers import WorkerStatus


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
        server = _server(broker)
        workers = list_workers(broker)
        queues = queue_statuses(broker, workers)
    if as_json:
        print_json({"server": server, "queues": queues, "workers": workers})
        return
    click.echo("{name} {version} on {address}, process {pid}".format(**server))
    if not queues:
        click.echo("No message waits, and no worker runs.")
        return
    console = Console()
    console.print(_queue_table(queues))
    console.print(_worker_table(workers) if workers else "No worker runs.")


def _server(broker: RedisBroker) -> dict[str, Any]:
    info = broker.client.info("server")
    kwargs = broker.client.connection_pool.connection_kwargs
    return {
        "name": info.get("server_name", "redis").capitalize(),
        "version": info.get("valkey_version", info["redis_version"]),
        "address": kwargs.get("path")
        or f"{kwargs.get('host', 'localhost')}:{kwargs.get('port', 6379)}",
        "pid": info["process_id"],
    }


def _queue_table(queues: list[QueueStatus]) -> Table:
    numbers = ("Ready", "Running", "Delayed", "Dead", "Oldest", "Workers")
    columns = (Column(name, justify="right") for name in numbers)
    table = Table("Queue", *columns, box=box.SIMPLE_HEAD)
    for queue in queues:
        table.add_row(
            queue.name,
            *(f"{n:,}" for n in (queue.ready, queue.running, queue.delayed, queue.dead)),
            duration(queue.oldest_seconds),
            str(queue.workers) if queue.workers or not queue.ready else "[red]none[/]",
        )
    return table


def _worker_table(workers: list[WorkerStatus]) -> Table:
    table = Table("Worker", "Queues", "Threads", "Last sign of life", box=box.SIMPLE_HEAD)
    for worker in workers:
        silence_seconds = min(worker.silence_seconds.values())
        last_sign = f"{duration(silence_seconds)} ago"
        table.add_row(
            f"{worker.host}:{worker.pid}" if worker.host else worker.worker_id,
            " ".join(sorted(worker.silence_seconds)),
            str(worker.threads or "?"),
            last_sign if worker.is_live else f"[red]{last_sign}[/]",
        )
    return table
