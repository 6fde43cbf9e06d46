"""A real cluster: three primaries, each with a replica, on this machine."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

import redis

from examples.cluster.servers import Server, free_ports, start_server, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How long a primary may be silent before its replica takes over, in milliseconds.
NODE_TIMEOUT_MS = 1_000

SLOTS = 16_384


class Cluster:
    """A running cluster.

    Parameters:
      primaries: Its primaries.
      replicas: The replica of each.
    """

    def __init__(self, primaries: list[Server], replicas: list[Server]) -> None:
        self.primaries = primaries
        self.replicas = replicas

    @property
    def servers(self) -> list[Server]:
        return [*self.primaries, *self.replicas]

    @property
    def url(self) -> str:
        living = [server.address for server in self.servers if server.is_alive()]
        return f"redis+cluster://{','.join(living)}"

    def primary_of(self, key: str) -> Server:
        """The living server that holds a key."""
        asked = next(server for server in self.servers if server.is_alive())
        slot = asked.call("CLUSTER", "KEYSLOT", key)
        for first, last, (_host, port, *_), *_replicas in asked.call("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == port)
        raise LookupError(f"no server holds {key}")

    def is_well(self) -> bool:
        """Whether every living server sees all slots served."""
        return all(
            "cluster_state:ok" in str(server.call("CLUSTER", "INFO"))
            for server in self.servers
            if server.is_alive()
        )


@contextlib.contextmanager
def running_cluster(directory: Path, *, silence_ms: int = NODE_TIMEOUT_MS) -> Iterator[Cluster]:
    """Start a cluster, and end it."""
    with contextlib.ExitStack() as stack:
        servers = [_start(directory / str(number), stack, silence_ms) for number in range(6)]
        cluster = Cluster(servers[:3], servers[3:])
        _join_up(cluster)
        yield cluster


@contextlib.contextmanager
def joining_server(cluster: Cluster, directory: Path) -> Iterator[Server]:
    """Have a further primary join a running cluster, and end it. It holds no slots yet."""
    with contextlib.ExitStack() as stack:
        server = _start(directory, stack, NODE_TIMEOUT_MS)
        cluster.primaries.append(server)
        _meet(cluster.servers)
        wait_for(cluster.is_well, "the new server does not see all slots served")
        yield server


def _start(directory: Path, stack: contextlib.ExitStack, silence_ms: int) -> Server:
    (bus_port,) = free_ports(1)
    options = {
        "cluster-enabled": "yes",
        "cluster-port": bus_port,
        "cluster-node-timeout": silence_ms,
        "cluster-config-file": "nodes.conf",
        "appendonly": "yes",
        "save": '""',
        "repl-diskless-sync-delay": 0,
    }
    return start_server(directory, stack, options=options)


def _join_up(cluster: Cluster) -> None:
    step = SLOTS // len(cluster.primaries)
    for number, server in enumerate(cluster.primaries):
        end = SLOTS if number == len(cluster.primaries) - 1 else (number + 1) * step
        server.call("CLUSTER", "ADDSLOTSRANGE", number * step, end - 1)
        server.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    _meet(cluster.servers)
    for primary, replica in zip(cluster.primaries, cluster.replicas, strict=True):
        primary_id = primary.call("CLUSTER", "MYID")
        wait_for(partial(_replicates, replica, primary_id), "a replica found no primary")
    wait_for(cluster.is_well, "the cluster does not serve all slots")
    wait_for(
        lambda: all(replica.is_replicating() for replica in cluster.replicas),
        "the replicas are not in step",
    )


def _meet(servers: list[Server]) -> None:
    first, *others = servers
    bus_port = first.call("CONFIG", "GET", "cluster-port")["cluster-port"]
    for server in others:
        server.call("CLUSTER", "MEET", "127.0.0.1", first.port, bus_port)
    count = f"cluster_known_nodes:{len(servers)}"
    wait_for(
        lambda: all(count in str(server.call("CLUSTER", "INFO")) for server in servers),
        "the servers have not met",
    )


def _replicates(replica: Server, primary_id: str) -> bool:
    try:
        return bool(replica.call("CLUSTER", "REPLICATE", primary_id))
    except redis.ResponseError:  # it has not heard of that one yet
        return False
