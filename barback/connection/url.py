"""URLs of Redis and Valkey servers."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.cluster import ClusterNode
from redis.connection import parse_url
from redis.sentinel import Sentinel

from barback.connection.cluster_client import ClusterClient
from barback.connection.server import connection_parameters
from barback.errors import BrokerUnavailable

SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster")
DEFAULT_SENTINEL_PORT = 26379
DEFAULT_PORT = 6379

#: The parameters of a Sentinel URL that are for the Sentinels themselves, and their names there.
_FOR_SENTINELS = {"sentinel_username": "username", "sentinel_password": "password"}

FORMS = (
    "redis://:password@host:6379/0, rediss://…, unix:///path, "
    "redis+sentinel://:password@host:26379,host2:26379/SERVICE/0 or "
    "redis+cluster://:password@host:6379,host2:6379"
)


def check_redis_url(url: str) -> None:
    """Check that a URL can be used, without connecting.

    Raises:
      ValueError: When it cannot, with a message for a person, which never shows a password.
    """
    try:
        if urlsplit(url).scheme in CLUSTER_SCHEMES:
            _cluster_options(url)
        else:
            client_for(url, {})
    except ValueError as error:
        raise ValueError(str(error)) from None


def client_for(url: str | None, parameters: dict[str, Any]) -> redis.Redis:
    """A client for a URL and further connection parameters, which complete the URL.

    Parameters:
      url: ``redis://``, ``rediss://``, ``unix://``, ``redis+sentinel://`` or ``redis+cluster://``;
        None: the parameters say it all.
      parameters: Connection parameters for :class:`redis.Redis`.

    Raises:
      ValueError: When the URL cannot be used.
      BrokerUnavailable: When no server of a cluster can be reached: they say where keys are, so
        there is no client without them.
    """
    if url is None:
        return redis.Redis(**connection_parameters(parameters))
    scheme = urlsplit(url).scheme
    if scheme in SENTINEL_SCHEMES:
        return _sentinel_client(url, parameters)
    if scheme in CLUSTER_SCHEMES:
        return _cluster_client(url, parameters)
    in_url = _checked_options(url)
    parameters.pop(
        "connection_pool", None
    )  # as in stock Dramatiq, the URL says where the server is
    single = bool(parameters.pop("single_connection_client", False))
    if not parameters.get("ssl", True):
        del parameters["ssl"]  # the URL says whether there is TLS
    elif parameters.pop("ssl", None) and in_url.get("connection_class") is None:
        url = url.replace("redis://", "rediss://", 1)
    completed = connection_parameters(parameters)
    made = redis.ConnectionPool.from_url(url, **completed)
    return redis.Redis(connection_pool=made, single_connection_client=single)


def _checked_options(url: str) -> dict[str, Any]:
    """What redis-py reads from a URL."""
    try:
        options = parse_url(url)
        _check_names(options)
    except ValueError:
        # Its own message may show a part of the password.
        raise ValueError(f"it should look like {FORMS}") from None
    except TypeError:
        raise ValueError(
            "an option behind the ? is none that redis-py's connections take, such as "
            "socket_timeout=5"
        ) from None
    return dict(options)


def _check_names(options: Any) -> None:
    """Refuse parameters that no connection knows: redis-py notices them when it connects."""
    connection_class = options.get("connection_class", redis.Connection)
    known = {name: value for name, value in options.items() if name != "connection_class"}
    for pool_option in ("max_connections", "timeout"):
        known.pop(pool_option, None)
    connection_class(**known)


def _sentinel_client(url: str, parameters: dict[str, Any]) -> redis.Redis:
    parts = urlsplit(url)
    service, _, database = unquote(parts.path.strip("/")).partition("/")
    user_info, _, hosts = parts.netloc.rpartition("@")
    if not service or not hosts or (database and not database.isdecimal()):
        raise ValueError(
            "a Sentinel URL should look like redis+sentinel://:password@host:26379,host2/SERVICE/0"
        )
    user, _, password = user_info.partition(":")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    sentinel_options: dict[str, Any] = {
        theirs: options.pop(ours) for ours, theirs in _FOR_SENTINELS.items() if ours in options
    }
    if options:
        raise ValueError(
            f"a Sentinel URL knows the options {', '.join(_FOR_SENTINELS)}; got {min(options)}"
        )
    tls = {"ssl": True} if parts.scheme.startswith("rediss") else {}
    own = {"username": unquote(user), "password": unquote(password), "db": int(database or 0)}
    completed = connection_parameters({**{k: v for k, v in own.items() if v}, **tls, **parameters})
    timeouts = {
        name: completed[name] for name in ("socket_timeout", "socket_connect_timeout") if completed
    }
    sentinel = Sentinel(
        [_address(host, DEFAULT_SENTINEL_PORT) for host in hosts.split(",")],
        sentinel_kwargs={**timeouts, **tls, **sentinel_options},
        **completed,
    )
    client: redis.Redis = sentinel.master_for(service)
    return client


def _cluster_options(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    user_info, _, hosts = parts.netloc.rpartition("@")
    if not hosts or parts.path.strip("/") or parts.query:
        raise ValueError(
            "a cluster URL should look like redis+cluster://:password@host:6379,host2:6379, with "
            "no database"
        )
    user, _, password = user_info.partition(":")
    options = {
        "username": unquote(user) or None,
        "password": unquote(password) or None,
        "startup_nodes": [ClusterNode(*_address(host, DEFAULT_PORT)) for host in hosts.split(",")],
        "ssl": parts.scheme.startswith("rediss") or None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _cluster_client(url: str, parameters: dict[str, Any]) -> redis.Redis:
    options = {**_cluster_options(url), **connection_parameters(parameters)}
    try:
        return cast("redis.Redis", ClusterClient(**options))
    except redis.RedisError as error:
        raise BrokerUnavailable(f"No server of the cluster can be reached: {error}") from error


def _address(text: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port or default_port
    except ValueError:
        raise ValueError(f"expected HOST:PORT, got {text!r}") from None
    if not parts.hostname:
        raise ValueError(f"expected HOST:PORT, got {text!r}")
    return parts.hostname, port
