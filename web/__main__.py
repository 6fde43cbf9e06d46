"""``python -m web`` serves the website."""

from __future__ import annotations

import environment  # noqa: F401 - first, as it is about the imports that follow

# isort: split
import functools
import ipaddress
from typing import TYPE_CHECKING

import click

from barback.logs import start_logging
from barback.serving import serve
from database.engine import engine
from database.errors import explain_errors, shown_url
from database.migrations import is_up_to_date
from settings import DEFAULT_SECRET, settings
from web.connections import WebsiteProtocol
from web.front_door import is_loopback
from web.port import listen

if TYPE_CHECKING:
    from starlette.types import ASGIApp

#: How long open pages may hold up the end of the website, in seconds. They connect again.
SHUTDOWN_SECONDS = 3


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--demo",
    "offers_demo",
    is_flag=True,
    help="Let everybody log in as staff, unless others than this machine's users can come.",
)
def main(*, offers_demo: bool) -> None:
    """Serve the bar's website on WEB_HOST and WEB_PORT."""
    start_logging(as_json=settings.log_format == "json", level=settings.log_level)
    _require_secret()
    _require_name()
    _require_tables()
    listener = listen(settings.web_host, settings.web_port)
    click.echo(f"The bar's website: {settings.public_url}")
    _warn_of_http()
    _warn_of_one_network()
    if offers_demo and _others_can_come():
        click.echo("There is no demo log-in: others than this machine's users can come.", err=True)
        offers_demo = False
    serve(
        functools.partial(_create_app, offers_demo=offers_demo),
        listener,
        protocol=WebsiteProtocol,
        shutdown_seconds=SHUTDOWN_SECONDS,
        factory=True,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
    )


def _require_secret() -> None:
    if settings.web_secret == DEFAULT_SECRET and not _is_loopback(settings.web_host):
        raise click.UsageError(
            "with the default WEB_SECRET the website listens on loopback alone, got "
            f"WEB_HOST={settings.web_host}."
            ' Set it, for example to the output of: python -c "import secrets;'
            ' print(secrets.token_urlsafe())"'
        )


def _create_app(*, offers_demo: bool) -> ASGIApp:
    # It takes a while to import, and settings that are wrong are to be named at once.
    from web.app import create_app  # noqa: PLC0415

    return create_app(offers_demo=offers_demo)


def _others_can_come() -> bool:
    return (
        not _is_loopback(settings.web_host)
        or not is_loopback(settings.public_url)
        or bool(settings.trusted_proxies)
    )


def _warn_of_http() -> None:
    if not (settings.public_url.startswith("https://") or is_loopback(settings.public_url)):
        click.echo(
            f"Nobody can order or log in at {settings.public_url}: forms need cookies, and those "
            "HTTPS off loopback. Put a proxy with TLS in front, and set WEB_URL to its https:// "
            "address.",
            err=True,
        )


def _warn_of_one_network() -> None:
    if settings.public_url.startswith("https://") and not settings.trusted_proxies:
        click.echo(
            "All visitors share the limits of one network: a proxy speaks HTTPS for this website, "
            "and who it says they are is not believed. Set TRUSTED_PROXIES to its address.",
            err=True,
        )


def _require_name() -> None:
    if settings.web_url is None and _is_unspecified(settings.web_host):
        raise click.UsageError(
            f"with WEB_HOST={settings.web_host} the website needs to know its name: set WEB_URL, "
            "for example to https://bar.example.org."
        )


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_tables() -> None:
    with explain_errors():
        if is_up_to_date(engine()):
            return
    raise click.ClickException(
        f"the tables of {shown_url()} are not up to date. Run: python -m database migrate"
    )


if __name__ == "__main__":
    main(prog_name="python -m web")
