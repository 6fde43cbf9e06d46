"""The commands of ``python -m barback``, one module per group."""

from __future__ import annotations

from pathlib import Path

import click

from barback.cli import (
    board,
    control,
    dead,
    health,
    message,
    new,
    server,
    status,
    ticks,
    upkeep,
)
from barback.cli.name_type import NAME
from barback.cli.target import Target
from barback.connection.url import check_redis_url
from barback.version import __version__


def _check_url(_: click.Context, __: click.Parameter, url: str | None) -> str | None:
    try:
        if url:
            check_redis_url(url)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return url


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--redis-url",
    envvar="REDIS_URL",
    show_envvar=True,
    callback=_check_url,
    help="The Redis or Valkey server. Without it, the embedded server is meant.",
)
@click.option(
    "--data-dir",
    envvar="BARBACK_DATA_DIR",
    show_envvar=True,
    type=click.Path(path_type=Path, file_okay=False),
    default=".barback",
    show_default=True,
    help="Where the embedded server keeps its data.",
)
@click.option(
    "--namespace",
    type=NAME,
    default="dramatiq",
    show_default=True,
    help="What the broker's keys begin with.",
)
@click.version_option(__version__, prog_name="barback")
@click.pass_context
def main(context: click.Context, redis_url: str | None, data_dir: Path, namespace: str) -> None:
    """Look after the broker.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the broker cannot be reached.
    """
    context.obj = Target(redis_url=redis_url, data_dir=data_dir, namespace=namespace)


main.add_command(server.up)
main.add_command(server.down)
main.add_command(status.status)
main.add_command(ticks.ticks)
main.add_command(health.health)
main.add_command(board.board)
main.add_command(board.metrics)
main.add_command(dead.dead)
main.add_command(message.show)
main.add_command(message.cancel)
main.add_command(control.pause)
main.add_command(control.resume)
main.add_command(control.purge)
main.add_command(upkeep.release)
main.add_command(upkeep.forget)
main.add_command(new.new)
