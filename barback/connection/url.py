"""URLs of Redis and Valkey servers."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.connection import parse_url

from barback.connection import cluster_client, sentinel
from barback.connection.blocking import PatientClient
from barback.connection.cluster_client import CLUSTER_SCHEMES, cluster_client_for, cluster_options
from barback.connection.hosts import can_be_host, check_names
from barback.connection.patience import connection_parameters
from barback.connection.sentinel import SENTINEL_SCHEMES, sentinel_client
from barback.errors import UnusableUrl

FORMS = (
    f"redis://:password@host:6379/0, rediss://…, unix:///path, {sentinel.FORM} or "
    f"{cluster_client.FORM}"
)


def check_redis_url(url: str) -> None:
    """Check that a URL can be used, without connecting.

    Raises:
      ValueError: When it cannot, with a message for a person, which never shows a password.
    """
    try:
        if _scheme_of(url) in CLUSTER_SCHEMES:
            cluster_options(url)
        else:
            _client_of(url, {})
    except ValueError as error:
        raise ValueError(_complaint(error, url)) from None


def client_for(url: str | None, parameters: dict[str, Any]) -> redis.Redis:
    """A client for a URL and further connection parameters, which complete the URL.

    Parameters:
      url: ``redis://``, ``rediss://``, ``unix://``, ``redis+sentinel://`` or ``redis+cluster://``;
        None: the parameters say it all.
      parameters: Connection parameters for :class:`redis.Redis`.

    Raises:
      UnusableUrl: When the URL cannot be used.
      BrokerUnavailable: When no server of a cluster can be reached: they say where keys are, so
        there is no client without them.
      TypeError: When redis-py knows no such parameter.
    """
    if url is None:
        over_tcp = not parameters.get("unix_socket_path")
        return PatientClient(**connection_parameters(parameters, over_tcp=over_tcp))
    try:
        return _client_of(url, parameters)
    except ValueError as error:
        raise UnusableUrl(_complaint(error, url)) from None


def _complaint(error: ValueError, url: str) -> str:
    """What is wrong with a URL, and what helps where a password has ended the address early."""
    _, *rest = re.split(r"[/?#[]", url.partition("://")[2], maxsplit=1)
    is_password = any("@" in text for text in rest)
    hint = "; special characters in a password are written as %XX, a / as %2F"
    return f"{error}{hint if is_password else ''}"


def _client_of(url: str, parameters: dict[str, Any]) -> redis.Redis:
    scheme = _scheme_of(url)
    if scheme in SENTINEL_SCHEMES:
        return sentinel_client(url, parameters)
    if scheme in CLUSTER_SCHEMES:
        return cluster_client_for(url, parameters)
    return _plain_client(url, parameters)


def _plain_client(url: str, parameters: dict[str, Any]) -> redis.Redis:
    in_url = _checked_options(url)
    parameters.pop(
        "connection_pool", None
    )  # as in stock Dramatiq, the URL says where the server is
    single = bool(parameters.pop("single_connection_client", False))
    if not parameters.get("ssl", True):
        del parameters["ssl"]  # the URL says whether there is TLS
    elif parameters.pop("ssl", None) and in_url.get("connection_class") is None:
        url = url.replace("redis://", "rediss://", 1)
    over_tcp = in_url.get("connection_class") is not redis.UnixDomainSocketConnection
    completed = connection_parameters(parameters, over_tcp=over_tcp)
    made = redis.ConnectionPool.from_url(url, **completed)
    # What is misspelled is refused here, as by redis.Redis, and not by the first send.
    made.connection_class(**made.connection_kwargs)
    return PatientClient(connection_pool=made, single_connection_client=single)


def _scheme_of(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # a bracket too many, or too few
        raise ValueError(f"it should look like {FORMS}") from None


def _checked_options(url: str) -> dict[str, Any]:
    """What redis-py reads from a URL. No message shows any of it: it may be of the password."""
    try:
        options = dict(parse_url(url))
    except ValueError:
        raise ValueError(f"it should look like {FORMS}") from None
    parts = urlsplit(url)
    if parts.scheme == "unix" and not parts.path:
        raise ValueError("it does not name the socket; it should look like unix:///path")
    if parts.hostname and not can_be_host(parts.hostname):
        raise ValueError(f"there is no such host; it should look like {FORMS}")
    if "," in parts.netloc.rpartition("@")[2]:
        raise ValueError(
            "it names several hosts, which are either Sentinels or the servers of a cluster: "
            f"{sentinel.FORM} or {cluster_client.FORM}"
        )
    database = parts.path.strip("/")
    if parts.scheme != "unix" and database and not database.isdecimal():
        raise ValueError(
            "behind the host comes a number alone, the database, such as redis://host:6379/0"
        )
    names = {name: value for name, value in options.items() if name != "connection_class"}
    check_names(names, options.get("connection_class", redis.Connection))
    return options
