"""A real primary with two replicas, watched by three Sentinels, on this machine."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from examples.cluster.servers import Server, start_server
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = "bar"

#: How long the primary may be silent before the Sentinels take it for dead, in milliseconds.
DOWN_AFTER_MS = 1_000


@dataclass
class Watched:
    """The servers, and the Sentinels that watch them."""

    servers: list[Server]
    sentinels: list[Server]

    @property
    def url(self) -> str:
        addresses = ",".join(sentinel.address for sentinel in self.sentinels)
        return f"redis+sentinel://{addresses}/{SERVICE}/0"

    def primary_of(self, _key: str) -> Server:
        """The server that the Sentinels name; it holds every key."""
        sentinel = self.sentinels[0]
        _, port = sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.servers if server.port == int(port))


@contextlib.contextmanager
def running_sentinels(directory: Path, *, silence_ms: int = DOWN_AFTER_MS) -> Iterator[Watched]:
    """Start all of them, and end them."""
    with contextlib.ExitStack() as stack:
        durable = {"appendonly": "yes", "save": '""', "repl-diskless-sync-delay": 0}
        primary = start_server(directory / "primary", stack, options=durable)
        following = {**durable, "replicaof": f"127.0.0.1 {primary.port}"}
        replicas = [
            start_server(directory / f"replica-{number}", stack, options=following)
            for number in range(2)
        ]
        watching = {
            "sentinel": [
                f"monitor {SERVICE} 127.0.0.1 {primary.port} 2",
                f"down-after-milliseconds {SERVICE} {silence_ms}",
                f"failover-timeout {SERVICE} 5000",
            ]
        }
        sentinels = [
            start_server(directory / f"sentinel-{number}", stack, "--sentinel", options=watching)
            for number in range(3)
        ]
        watched = Watched([primary, *replicas], sentinels)
        eventually(lambda: all(replica.is_replicating() for replica in replicas))
        eventually(lambda: all(_knows_all(sentinel) for sentinel in sentinels))
        yield watched


def _knows_all(sentinel: Server) -> bool:
    replicas = sentinel.call("SENTINEL", "REPLICAS", SERVICE)
    others = sentinel.call("SENTINEL", "SENTINELS", SERVICE)
    return len(replicas) == 2 and len(others) == 2
