"""URLs that name several hosts: of Sentinels, and of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import redis
from redis.connection import parse_url

#: A parameter of a pool, which may stand in a URL as well, and is none of a connection.
_POOL_OPTION = "max_connections"

#: The longest time-out of a connection, in seconds: sockets take none of 300 years.
_MAX_TIMEOUT_SECONDS = 1e9


@dataclass(frozen=True)
class Hosts:
    """What such a URL says.

    Parameters:
      addresses: The hosts and their ports.
      path: What stands between the slashes behind them.
      credentials: The user and the password, as parameters of a connection.
      options: What stands behind the question mark, as parameters of a connection.
      marked_options: Those of them whose names begin with a mark, without it.
      tls: Whether connections are to be encrypted.
    """

    addresses: list[tuple[str, int]]
    path: list[str]
    credentials: dict[str, Any]
    options: dict[str, Any]
    marked_options: dict[str, Any]
    tls: bool

    @classmethod
    def parse(cls, url: str, *, default_port: int, mark: str) -> Hosts:
        """Take a URL apart.

        Parameters:
          url: The URL.
          default_port: The port of a host without one.
          mark: What the names of options begin with that are for something else.

        Raises:
          ValueError: When that cannot be done; its message shows no password.
        """
        parts = urlsplit(url)
        user_info, _, hosts = parts.netloc.rpartition("@")
        user, _, password = user_info.partition(":")
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        marked = [(k.removeprefix(mark), value) for k, value in pairs if k.startswith(mark)]
        given = {"username": unquote(user), "password": unquote(password)}
        return cls(
            [_address(host, default_port) for host in hosts.split(",")],
            [unquote(name) for name in parts.path.split("/") if name],
            {name: text for name, text in given.items() if text},
            _options([pair for pair in pairs if not pair[0].startswith(mark)]),
            _options(marked),
            tls=parts.scheme.startswith("rediss"),
        )


def check_names(options: dict[str, Any], connection_class: Any) -> None:
    """Refuse parameters that no connection knows or can have: redis-py notices them when it
    connects. And messages are bytes, so that no answer is to be decoded.

    Raises:
      ValueError: When there is one.
    """
    for name, value in options.items():
        if name == _POOL_OPTION:
            continue
        try:
            connection_class(**{name: value})
            can_be_used = _can_be_used(name, value)
        except (TypeError, redis.RedisError):
            can_be_used = False
        if not can_be_used:
            raise ValueError(
                f"redis-py's connections do not take its option {name}, or not with this value; "
                "one that they take is socket_timeout=5 or, with TLS, ssl_ca_certs=ca.pem"
            )


def _can_be_used(name: str, value: Any) -> bool:
    if name in {"socket_timeout", "socket_connect_timeout"}:
        return bool(0 < value <= _MAX_TIMEOUT_SECONDS)
    return name != "decode_responses" or not value


def can_be_host(name: str) -> bool:
    """Whether the system would look for a host of this name at all."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return name.isprintable()


def _address(text: str, default_port: int) -> tuple[str, int]:
    # What is given may be a part of a password that has a / in it, and is not shown.
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or default_port
    except ValueError:
        host = None
    if not host or not can_be_host(host):
        raise ValueError("expected HOST:PORT, once or several times with commas between")
    return host, port


def _options(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """As redis-py reads those of a URL with one host: numbers as numbers."""
    try:
        return dict(parse_url(f"redis://?{urlencode(pairs)}"))
    except ValueError:
        raise ValueError("an option behind the ? has a value that it cannot have") from None
