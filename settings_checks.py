"""What the values of settings must be. Each check returns the value or says what it should be.

No message repeats what it was given: some values hold passwords.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import idna
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from barback.connection.hosts import can_be_host
from email_addresses import parse_mailbox
from timezones import find_timezone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from urllib.parse import SplitResult

MIN_SECRET_LENGTH = 16

#: A secret of few different characters was typed, not drawn.
MIN_SECRET_CHARACTERS = 8

_PORTS = range(1, 65_536)

_DATABASES = {"sqlite", "postgresql", "postgresql+psycopg"}
_DATABASE_EXAMPLES = "sqlite:///path/to/bar.db or postgresql://user:password@host:5432/bar"
_SMTP_SCHEMES = {"smtp", "smtp+starttls", "smtps"}
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?", re.ASCII)


def check_encoding(value: object) -> object:
    """Bytes that are no UTF-8 arrive as surrogates, which nothing can be written with."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("it is not in UTF-8")
    return value


def optional(check: Callable[[str], str | None]) -> Callable[[str | None], str | None]:
    """The same check for a setting that may be unset."""

    def check_if_set(value: str | None) -> str | None:
        if value is None:
            return None
        checked = check(value)
        return value if checked is None else checked

    return check_if_set


def check_database_url(url: str) -> str:
    """The URL, with the name of its scheme that is SQLAlchemy's: providers write it in two ways."""
    url = re.sub("^postgres:", "postgresql:", url)
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):  # its port is no number, for instance
        raise ValueError(f"it should look like {_DATABASE_EXAMPLES}") from None
    if parts.drivername not in _DATABASES:
        raise ValueError(f"it should look like {_DATABASE_EXAMPLES}")
    if parts.drivername == "sqlite" and parts.database in {None, "", ":memory:"}:
        raise ValueError("programs share a file, not memory: sqlite:///path/to/bar.db")
    if parts.drivername == "sqlite" and "?" in url:
        raise ValueError("a file of SQLite has no options here: sqlite:///path/to/bar.db")
    if parts.port is not None and parts.port not in _PORTS:
        raise ValueError(f"there is no such port; it should look like {_DATABASE_EXAMPLES}")
    if parts.host and not can_be_host(parts.host):
        raise ValueError(f"there is no such host; it should look like {_DATABASE_EXAMPLES}")
    if "%00" in url:
        raise ValueError("no part of it can have a character of code 0")
    if "@" in f"{parts.host}{parts.query}":
        raise ValueError("special characters in a password are written as %XX, an @ as %40")
    if parts.query:
        _check_postgresql_options(parts.query)
    return url


def _check_postgresql_options(names: Iterable[str]) -> None:
    import psycopg.conninfo  # noqa: PLC0415 - it takes a while, and few have options

    for name in names:
        if name == "conninfo":  # it would take the place of all the rest
            raise ValueError(
                f"conninfo cannot be an option; it should look like {_DATABASE_EXAMPLES}"
            )
        try:
            psycopg.conninfo.make_conninfo(**{name: ""})
        except psycopg.Error:
            raise ValueError(
                f"PostgreSQL's connections have no option {name!r}; one that they have is "
                "sslmode=verify-full"
            ) from None


def check_smtp_url(url: str) -> str:
    parts = _split(url)
    if parts is None or parts.scheme not in _SMTP_SCHEMES or parts.path.strip("/") or parts.query:
        raise ValueError(
            "it should look like smtp://host:25, smtp+starttls://user:password@host:587 or "
            "smtps://user:password@host:465; special characters in a password are written as %XX"
        )
    if not unquote(f"{parts.username}{parts.password}").isascii():
        raise ValueError("user and password have to be of ASCII characters: others cannot log in")
    return url


def check_web_url(url: str) -> str:
    """The URL with its host in ASCII: e-mails carry it to programs that read nothing else."""
    parts = _split(url.rstrip("/"))
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or parts.username is not None
        or parts.path
        or parts.query
        or parts.fragment
    ):
        raise ValueError("it should look like https://bar.example.org, without a path")
    host = _ascii_host(parts.hostname or "")
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def check_host(host: str) -> str:
    """An address or a name; the brackets of an IPv6 address are taken off."""
    return _ascii_host(host.removeprefix("[").removesuffix("]"))


def check_secret(secret: str) -> str:
    if len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < MIN_SECRET_CHARACTERS:
        raise ValueError(
            f"it should have at least {MIN_SECRET_LENGTH} characters, drawn at random: "
            'python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    return secret


def check_proxies(text: str) -> str:
    proxies = [part.strip() for part in text.split(",") if part.strip()]
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise ValueError("it should look like 10.0.0.2 or 10.0.0.0/8,fd00::/8") from None
    return ",".join(proxies)


def check_mailbox(text: str) -> str:
    parse_mailbox(text)
    return text


def check_timezone(name: str) -> str:
    return find_timezone(name).key


def _split(url: str) -> SplitResult | None:
    """The parts of a URL with a host; None when it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its port is no number
        return None
    if port == 0:
        return None
    host = parts.hostname or ""
    is_clean = url.isprintable() and " " not in url
    return parts if host and is_clean and "@" not in host and can_be_host(host) else None


def _ascii_host(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        ascii_host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        ascii_host = ""
    if not (_HOST_NAME.fullmatch(ascii_host) and can_be_host(ascii_host)):
        raise ValueError("it should name a host, such as 127.0.0.1 or bar.example.org")
    return ascii_host.lower().removesuffix(".")  # as it is compared with what browsers say
