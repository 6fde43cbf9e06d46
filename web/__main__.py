"""``python -m web`` serves the website."""

from __future__ import annotations

import ipaddress
import signal
import sys

import click
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from database.engine import database_url, engine
from database.migrations import is_up_to_date
from settings import DEFAULT_SECRET, settings

#: How long open pages may hold up the end of the website, in seconds. They connect again.
SHUTDOWN_SECONDS = 3


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Serve the bar's website on WEB_HOST and WEB_PORT."""
    _require_secret()
    _require_tables()
    # uvicorn ends in good order and then signals itself once more; that is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    click.echo(f"The bar's website: {settings.public_url}")
    uvicorn.run(
        "web.app:create_app",
        factory=True,
        host=settings.web_host,
        port=settings.web_port,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
        access_log=False,  # paths hold the tokens of confirmation links
    )


def _require_secret() -> None:
    if settings.web_secret == DEFAULT_SECRET and not _is_loopback(settings.web_host):
        raise click.UsageError(
            "with the default WEB_SECRET the website listens on loopback alone, got "
            f"WEB_HOST={settings.web_host}."
            ' Set it, for example to the output of: python -c "import secrets;'
            ' print(secrets.token_urlsafe())"'
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_tables() -> None:
    url = database_url().render_as_string(hide_password=True)
    try:
        if is_up_to_date(engine()):
            return
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).strip()
        raise click.ClickException(f"the database {url} cannot be used: {reason}") from None
    raise click.ClickException(
        f"the tables of {url} are not up to date. Run: python -m database migrate"
    )


if __name__ == "__main__":
    main(prog_name="python -m web")
