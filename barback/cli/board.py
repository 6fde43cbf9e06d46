"""``board`` and ``metrics``: what operators and Prometheus look at."""

from __future__ import annotations

import contextlib
import importlib.util
import pkgutil
import socket
import sys
from typing import TYPE_CHECKING, cast

import click

from barback.cli.target import explain_errors
from barback.logs import start_logging
from barback.new.requirements import requirement_with
from barback.printable import printable_lines

if TYPE_CHECKING:
    from barback.board import Schedules
    from barback.cli.target import Target

#: Where the board answers without a token, by names that no other site can have.
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}

#: How long open streams may hold up the end of the board, in seconds.
_SHUTDOWN_SECONDS = 1


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=9191,
    show_default=True,
    envvar="BARBACK_BOARD_PORT",
    show_envvar=True,
    help="The port to listen on.",
)
@click.option(
    "--token",
    envvar="BARBACK_BOARD_TOKEN",
    show_envvar=True,
    help="What whoever looks has to know, 16 characters or more; browsers ask for it as a "
    "password. Needed anywhere but on loopback.",
)
@click.option("--read-only", is_flag=True, help="Let nobody change anything.")
@click.option(
    "--trace-url",
    envvar="BARBACK_BOARD_TRACE_URL",
    show_envvar=True,
    metavar="URL",
    help="The page of a trace, with {trace_id} in it, to which messages link.",
)
@click.option(
    "--schedules",
    "schedules_name",
    envvar="BARBACK_BOARD_SCHEDULES",
    show_envvar=True,
    metavar="MODULE:NAME",
    help="What tells the schedules that your program keeps itself, such as bar.board:schedules.",
)
@click.option(
    "--log-format",
    envvar="LOG_FORMAT",
    show_envvar=True,
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it logs.",
)
@click.option(
    "--log-level",
    envvar="LOG_LEVEL",
    show_envvar=True,
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]),
    default="INFO",
    show_default=True,
    help="The lowest level that it logs. Who changed what is logged at INFO.",
)
@click.pass_obj
def board(
    target: Target,
    *,
    host: str,
    port: int,
    token: str | None,
    read_only: bool,
    trace_url: str | None,
    schedules_name: str | None,
    log_format: str,
    log_level: str,
) -> None:
    """Serve the board: queues, workers, dead letters, metrics.

    Without a server of your own it starts the embedded one, as all programs that go on do.
    """
    _require("babel", "starlette", "jinja2", "uvicorn", extra="board")
    from barback.board import access  # noqa: PLC0415 - part of the extra
    from barback.board import board as make_board  # noqa: PLC0415 - as above
    from barback.board.schedules import no_schedules  # noqa: PLC0415 - as above
    from barback.serving import serve  # noqa: PLC0415 - as above

    if not token and host not in _LOOPBACK:
        raise click.UsageError(
            f"on {host} anybody could empty your queues. Set BARBACK_BOARD_TOKEN, for example to "
            'the output of: python -c "import secrets; print(secrets.token_urlsafe())". '
            "Without one, the board listens on 127.0.0.1."
        )
    try:
        authorize = access.with_token(token) if token else access.on_loopback
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--token") from None
    schedules = _schedules(schedules_name) if schedules_name else no_schedules
    start_logging(as_json=log_format == "json", level=log_level)
    server = target.embedded_server
    if server is not None:
        with explain_errors():
            server.ensure()
    with target.broker() as broker, contextlib.ExitStack() as stack:
        broker.client.ping()
        try:
            app = make_board(
                broker,
                authorize=authorize,
                read_only=read_only,
                trace_url=trace_url or None,
                schedules=schedules,
            )
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--trace-url") from None
        listener = stack.enter_context(_listen(host, port))
        shown_host = f"[{host}]" if ":" in host else host
        click.echo(f"The board: http://{shown_host}:{port}")
        serve(app, listener, shutdown_seconds=_SHUTDOWN_SECONDS, proxy_headers=False)


@click.command
@click.pass_obj
def metrics(target: Target) -> None:
    """Print the figures of the whole fleet, as Prometheus reads them."""
    _require("prometheus_client", extra="prometheus")
    from barback.metrics.prometheus import exposition  # noqa: PLC0415 - part of an extra

    with target.broker() as broker:
        text = exposition(broker).decode()
    if sys.stdout.isatty():  # Prometheus takes names of queues as they are, a terminal obeys them
        text = f"{printable_lines(text)}\n"
    click.echo(text, nl=False)


def _schedules(name: str) -> Schedules:
    """What a program's module calls by a name.

    Raises:
      click.BadParameter: When there is no such thing.
    """
    sys.path.insert(0, "")  # where the program's modules are, as `dramatiq` takes it
    try:
        found = pkgutil.resolve_name(name)
    except (ValueError, ImportError, AttributeError) as error:
        raise click.BadParameter(
            f"expected MODULE:NAME of what tells the schedules, got {name!r}: {error}",
            param_hint="--schedules",
        ) from None
    if ":" not in name or not callable(found):
        raise click.BadParameter(
            f"expected MODULE:NAME of a function, got {name!r}.", param_hint="--schedules"
        )
    return cast("Schedules", found)


def _require(*packages: str, extra: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise click.ClickException(
                f"the package {package} is missing, which barback's extra `{extra}` brings. "
                f"Install it: pip install '{requirement_with(extra)}'"
            )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise click.ClickException(
            f"the board cannot listen on {host}, port {port}: {error.strerror}. Choose another: "
            f"--port {port + 1}, or BARBACK_BOARD_PORT={port + 1}"
        ) from None
