"""``up`` and ``down``: the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from barback.cli.target import Target, explain_errors

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
@click.pass_obj
def down(target: Target) -> None:
    """Stop the embedded server. Its messages stay on disk for the next start."""
    server = _require_embedded(target)
    with explain_errors():
        stopped = server.stop()
    click.echo("The embedded server stopped." if stopped else "No embedded server was running.")


def _require_embedded(target: Target) -> EmbeddedServer:
    if target.embedded_server is None:
        raise click.UsageError(
            "REDIS_URL names a server of your own, which is not started or stopped from here. "
            "Unset it to use the embedded server."
        )
    return target.embedded_server
