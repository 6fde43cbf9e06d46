"""Where the queues are: one server, or several of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dramatiq.common import q_name
from dramatiq.logging import get_logger
from redis.cluster import RedisCluster

from barback.connection.cluster import Connections, SlotPool, Slots, SlotSource
from barback.connection.connection import RedisConnection
from barback.connection.outage import Silence
from barback.connection.pool import ConnectionPool
from barback.connection.server import check_client
from barback.connection.source import ConnectionSource, twin_of
from barback.store.fleet_keys import FleetKeys
from barback.store.keys import QueueKeys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import redis

#: How many threads of a process may take messages at the same time. It bounds the connections of
#: a worker that serves many queues; a claim takes well under a millisecond.
MAX_CLAIMS = 3


class Servers:
    """Hands out the keys of queues, and connections to where they are.

    Parameters:
      client: A client of the server, or of the cluster.
      namespace: What every key begins with.

    Raises:
      ValueError: When the client decodes its answers, or the namespace would keep all queues of a
        cluster on one server, or each key of a queue on another.
    """

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        check_client(client)
        self.namespace = namespace
        self._silences: dict[str, Silence] = {}
        self._use(client)

    def _use(self, client: redis.Redis) -> None:
        #: The client that was handed in.
        self.given_client = client
        self.on_cluster = isinstance(client, RedisCluster)
        if self.on_cluster and "{" in self.namespace:
            raise ValueError(
                f"Expected a namespace without braces on a cluster, got {self.namespace!r}. There "
                "the name of the queue, in braces, tells which server has it."
            )
        #: A client for what is asked rarely.
        self.client = client if self.on_cluster else twin_of(client)
        self.fleet_keys = FleetKeys(self.namespace, self.on_cluster)
        self._keys: dict[str, QueueKeys] = {}
        if self.on_cluster:
            self._slots = Slots(client)  # type: ignore[arg-type]
            self.connections: Connections = SlotPool(self._slots, self.fleet_keys.workers)
        else:
            source = self._source = ConnectionSource(self.client)
            #: For whatever any thread has to tell Redis about the fleet.
            self.connections = ConnectionPool(source)
            #: For consumers that share theirs, to take messages over.
            self.claim_connections = ConnectionPool(source, limit=MAX_CLAIMS)

    def use(self, client: redis.Redis) -> None:
        """Use another client from now on."""
        check_client(client)
        self.close()
        self._use(client)

    def keys(self, queue_name: str) -> QueueKeys:
        """The keys of a queue, by its plain name or that of its delay queue."""
        keys = self._keys.get(queue_name)
        if keys is None:
            keys = QueueKeys(self.namespace, q_name(queue_name), self.on_cluster)
            self._keys[queue_name] = keys
        return keys

    def shard(self, queue_name: str) -> str:
        """What queues have in common that one command may concern, over one connection: on a
        cluster each queue is for itself.
        """
        return queue_name if self.on_cluster else ""

    def by_shard(self, queue_names: Iterable[str]) -> Mapping[str, list[str]]:
        """Queues by their shards."""
        shards: dict[str, list[str]] = {}
        for name in queue_names:
            shards.setdefault(self.shard(name), []).append(name)
        return shards

    def connection(self, queue_name: str, *, name: str | None = None) -> RedisConnection:
        """A connection of its own, for one thread, to where a queue is; `name` is what
        ``CLIENT LIST`` calls it.
        """
        if self.on_cluster:
            source: ConnectionSource = SlotSource(self._slots, self.keys(queue_name).queue)
        else:
            source = self._source
        return RedisConnection(source, name=name)

    def connections_to(self, queue_name: str) -> Connections:
        """Connections that threads share, to where a queue is."""
        if self.on_cluster:
            return SlotPool(self._slots, self.keys(queue_name).queue)
        return self.connections

    def silence(self, queue_name: str) -> Silence:
        """What tells that the server where a queue is does not answer."""
        shard = self.shard(queue_name)
        what = f"queue {shard!r}" if shard else "whatever needs Redis"
        # Two threads that ask at the same time get the same one.
        return self._silences.setdefault(shard, Silence(get_logger("barback.connection"), what))

    def close(self) -> None:
        """Close the idle connections."""
        if self.on_cluster:
            self._slots.close()
        else:
            self.connections.close()
            self.claim_connections.close()
            self.client.connection_pool.disconnect(inuse_connections=False)
