"""The keys of a queue, and those that are there."""

from __future__ import annotations

from typing import Any

from redis.cluster import RedisCluster

from barback.connection.server import each_server
from barback.store.keys import QueueKeys


def keys_of(client: Any, queue_name: str = "default") -> QueueKeys:
    """The keys of a queue, where a client leads."""
    return QueueKeys("dramatiq", queue_name, on_cluster=isinstance(client, RedisCluster))


def keys_like(client: Any, pattern: str) -> list[str]:
    """The keys that are there, on whichever server."""
    return [str(key) for server in each_server(client) for key in server.keys(pattern)]
