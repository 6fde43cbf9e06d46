"""The Redis or Valkey server: how to reach it, and whether messages are safe on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from barback.errors import UnsuitableServer

if TYPE_CHECKING:
    from barback.link import Link

#: The oldest version that knows the commands and script flags that are used here.
MIN_VERSION = (7, 0)

#: How long to wait for a connection and for an answer, in seconds, unless the caller says. Without
#: them a program would wait for ever for a host that has vanished.
DEFAULT_CONNECT_TIMEOUT_SECONDS = 5
DEFAULT_TIMEOUT_SECONDS = 5

#: How often, and with which pauses in seconds, a connection is tried before it counts as failed.
CONNECT_RETRIES = 2
CONNECT_BACKOFF_SECONDS = 0.05
MAX_CONNECT_BACKOFF_SECONDS = 0.5


def connect(url: str | None, parameters: dict[str, Any]) -> redis.Redis:
    """A client for a URL and further connection parameters, which complete the URL."""
    parameters.setdefault("socket_timeout", DEFAULT_TIMEOUT_SECONDS)
    parameters.setdefault("socket_connect_timeout", DEFAULT_CONNECT_TIMEOUT_SECONDS)
    backoff = ExponentialWithJitterBackoff(
        base=CONNECT_BACKOFF_SECONDS, cap=MAX_CONNECT_BACKOFF_SECONDS
    )
    parameters.setdefault("retry", Retry(backoff, CONNECT_RETRIES))
    if url is None:
        return redis.Redis(**parameters)
    return redis.Redis(connection_pool=redis.ConnectionPool.from_url(url, **parameters))


def check_client(client: redis.Redis) -> None:
    """Refuse a client that would decode payloads.

    Raises:
      ValueError: When it would.
    """
    if client.connection_pool.connection_kwargs.get("decode_responses"):
        raise ValueError(
            "Expected a client that answers in bytes, got one with decode_responses=True. "
            "Make the broker a client of its own."
        )


def check_server(link: Link) -> None:
    """Refuse a server on which messages would not be safe.

    It is judged by INFO, because managed servers often forbid CONFIG.

    Raises:
      UnsuitableServer: When the server is too old, or evicts keys to make room.
    """
    info = _parse_info(link.call("INFO", "server")) | _parse_info(link.call("INFO", "memory"))
    version = info.get("redis_version", "")
    if tuple(int(part) for part in version.split(".")[:2]) < MIN_VERSION:
        raise UnsuitableServer(
            f"Expected Redis 7.0 or newer, or Valkey; got Redis {version}. Upgrade the server."
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and info.get("maxmemory", "0") != "0":
        raise UnsuitableServer(
            f"Expected the server never to evict keys, got maxmemory-policy {policy}: it would "
            "delete messages when memory is short. Set `maxmemory-policy noeviction`, or give the "
            "queues a server of their own."
        )


def _parse_info(answer: bytes) -> dict[str, str]:
    lines = answer.decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
