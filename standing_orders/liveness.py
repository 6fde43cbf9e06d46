"""Whether anybody runs the standing orders: what the website and ``scheduler.py list`` ask."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import redis

from barback.connection.url import client_for
from barback.embedded import EmbeddedServer
from barback.errors import BrokerUnavailable
from settings import settings

if TYPE_CHECKING:
    import datetime as dt

#: The name under which health checks find the program.
PROGRAM = "scheduler"

#: A scheduler that has not looked for so long counts as gone, in seconds. It looks each second.
MAX_SILENCE_SECONDS = 15

#: How long a command that only looks waits for Redis, in seconds.
_TIMEOUT_SECONDS = 1.0

_NAMESPACE = "dramatiq"


class RunnerRecord:
    """A key of the whole fleet that exists for as long as some scheduler runs."""

    def __init__(self, client: redis.Redis, namespace: str = _NAMESPACE) -> None:
        self._client = client
        self._key = f"{namespace}:__heartbeat__:{PROGRAM}"

    def beat(self, now: dt.datetime) -> None:
        """Raises: redis.RedisError."""
        self._client.set(self._key, int(now.timestamp() * 1000), ex=MAX_SILENCE_SECONDS)

    def is_running(self) -> bool:
        """Raises: redis.RedisError."""
        return bool(self._client.exists(self._key))


def scheduler_is_running() -> bool | None:
    """Ask without starting an embedded server; None when nobody can tell."""
    url = settings.redis_url
    if url is None:
        server = EmbeddedServer(settings.barback_data_dir)
        if not server.is_running():
            return False  # a scheduler would have started it
        url = server.url
    timeouts = {"socket_timeout": _TIMEOUT_SECONDS, "socket_connect_timeout": _TIMEOUT_SECONDS}
    try:
        client = client_for(url, timeouts)
    except BrokerUnavailable:
        return None
    with client, contextlib.suppress(redis.RedisError):
        return RunnerRecord(client).is_running()
    return None
