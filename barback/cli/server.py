"""``up`` and ``down``: the embedded server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from barback.cli.target import Target, Unreachable, explain_errors
from barback.monitoring.workers import list_workers
from barback.printable import printable

if TYPE_CHECKING:
    from barback.embedded import EmbeddedServer


@click.command
@click.pass_obj
def up(target: Target) -> None:
    """Start the embedded server, unless it runs already.

    The bar's programs do so themselves when they need it.
    """
    server = _require_embedded(target)
    with explain_errors():
        was_running = server.is_running()
        server.ensure()
    verb = "runs already" if was_running else "started"
    click.echo(f"The embedded server {verb}: {server.url} (process {server.pid()}).")


@click.command
@click.option("--yes", is_flag=True, help="Do not ask, even if workers are connected.")
@click.pass_obj
def down(target: Target, *, yes: bool) -> None:
    """Stop the embedded server. Its messages stay on disk for the next start."""
    server = _require_embedded(target)
    with explain_errors():
        if server.is_running():
            _warn_of_workers(target, may_ask=not yes and sys.stdin.isatty())
        stopped = server.stop()
    click.echo("The embedded server stopped." if stopped else "No embedded server was running.")


def _warn_of_workers(target: Target, *, may_ask: bool) -> None:
    """Say who will be cut off: workers log errors, and wait until a server is back."""
    try:
        with target.broker() as broker:
            names = [printable(w.name) for w in list_workers(broker) if w.is_live]
    except Unreachable as error:  # that is no reason to let it run
        click.echo(f"Warning: it cannot be told who is connected. {error.message}", err=True)
        return
    if not names:
        return
    workers = "1 worker is" if len(names) == 1 else f"{len(names)} workers are"
    click.echo(
        f"Warning: {workers} still connected ({', '.join(names)}). Stop them first, or they will "
        "complain and try again until a server is back.",
        err=True,
    )
    if may_ask:
        click.confirm("Stop the server all the same?", abort=True, err=True)


def _require_embedded(target: Target) -> EmbeddedServer:
    if target.embedded_server is None:
        raise click.UsageError(
            "REDIS_URL names a server of your own, which is not started or stopped from here. "
            "Unset it to use the embedded server."
        )
    return target.embedded_server
