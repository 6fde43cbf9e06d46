"""``status``: what runs and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Column, Table

from barback.workers import live_queues

if TYPE_CHECKING:
    from barback.broker import RedisBroker
    from barback.cli.target import Target


@click.command
@click.pass_obj
def status(target: Target) -> None:
    """Show the server and how many messages are ready in each queue."""
    with target.broker() as broker:
        click.echo(_describe_server(broker))
        queue_names = sorted(_queue_names(broker))
        if queue_names:
            Console().print(_table(broker, queue_names))
        else:
            click.echo("No message waits, and no worker runs.")


def _describe_server(broker: RedisBroker) -> str:
    info = broker.client.info("server")
    name = info.get("server_name", "redis").capitalize()
    version = info.get("valkey_version", info["redis_version"])
    kwargs = broker.client.connection_pool.connection_kwargs
    where = kwargs.get("path") or f"{kwargs.get('host')}:{kwargs.get('port')}"
    return f"{name} {version} on {where}, process {info['process_id']}"


def _table(broker: RedisBroker, queue_names: list[str]) -> Table:
    table = Table("Queue", Column("Ready", justify="right"), box=box.SIMPLE_HEAD)
    for queue_name in queue_names:
        table.add_row(queue_name, str(broker.queue_length(queue_name)))
    return table


def _queue_names(broker: RedisBroker) -> set[str]:
    """The queues that hold messages or have a worker."""
    prefix, suffix = f"{broker.namespace}:", ".msgs"
    keys = broker.client.scan_iter(match=f"{prefix}*{suffix}", count=1000)
    names = {key.decode().removeprefix(prefix).removesuffix(suffix) for key in keys}
    return {name for name in names if not name.endswith((".DQ", ".XQ"))} | live_queues(broker)
