"""Redis Cluster: which server holds a key, and what to do when that changes."""

from __future__ import annotations

import contextlib
import threading
import time
from inspect import signature
from typing import TYPE_CHECKING, Any

import redis
from redis.cluster import NodesManager
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    TryAgainError,
)

from barback.connection.cluster_client import as_redis_errors
from barback.connection.connection import BROKEN
from barback.connection.pool import ConnectionPool
from barback.connection.source import ConnectionSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.cluster import RedisCluster

    from barback.connection.confirmation import Confirmation
    from barback.connection.script import Argument, Command, Script

#: What servers answer instead of running a command, because the key is, or is about to be,
#: elsewhere. A moved key is an AskError, too.
NOT_SERVED = (AskError, ClusterDownError, MasterDownError, TryAgainError)

#: How long to go on asking for a key that no server serves, in seconds.
PATIENCE_SECONDS = 2.0

#: How long to wait before asking again, in seconds.
PAUSE_SECONDS = 0.05

#: How often the cluster is asked where keys are, at the most, in seconds.
REFRESH_SECONDS = 0.25

#: Whether redis-py can be told, since its version 8, which server to ask last. One that has
#: vanished takes the whole time for a connection.
_CAN_ASK_LAST = "last_failed_node_name" in signature(NodesManager.initialize).parameters


class Slots:
    """Knows which server holds a key, and has connections to each.

    Parameters:
      client: A client of the cluster.
    """

    def __init__(self, client: RedisCluster) -> None:
        self.client = client
        self._pools: dict[str, ConnectionPool] = {}
        self._refreshed_at = 0.0
        self._lock = threading.Lock()

    def node_client(self, key: str) -> redis.Redis:
        """A client of the server that holds a key.

        Raises:
          ClusterDownError: When none does.
        """
        with as_redis_errors():
            node = self.client.nodes_manager.get_node_from_slot(self.client.keyslot(key))
        client: redis.Redis = self.client.get_redis_connection(node)
        return client

    def pool_for(self, key: str) -> ConnectionPool:
        """Connections to the server that holds a key; raises as :meth:`node_client`."""
        client = self.node_client(key)
        kwargs = client.connection_pool.connection_kwargs
        name = f"{kwargs.get('host')}:{kwargs.get('port')}"
        with self._lock:
            pool = self._pools.get(name)
            if pool is None:
                pool = self._pools[name] = ConnectionPool(ConnectionSource(client))
            return pool

    def refresh(self, key: str) -> None:
        """Ask the cluster anew where keys are; that server last which was known to hold one, and
        does not serve it.

        Raises:
          redis.ConnectionError: When no server answers.
        """
        with self._lock:
            if time.monotonic() - self._refreshed_at < REFRESH_SECONDS:
                return
            self._refreshed_at = time.monotonic()
        manager = self.client.nodes_manager
        last: dict[str, Any] = {}
        if _CAN_ASK_LAST:
            with contextlib.suppress(redis.RedisError), as_redis_errors():
                node = manager.get_node_from_slot(self.client.keyslot(key))
                last = {"last_failed_node_name": node.name}
        with as_redis_errors():
            manager.initialize(**last)

    def close(self) -> None:
        """Close the idle connections."""
        for pool in list(self._pools.values()):
            pool.close()


class SlotSource(ConnectionSource):
    """Makes connections to whichever server holds a key.

    Parameters:
      slots: Knows which one that is.
      key: The key.
    """

    def __init__(self, slots: Slots, key: str) -> None:
        super().__init__(slots.client)  # type: ignore[arg-type]
        self._slots = slots
        self._key = key
        #: What makes connections to the server that was the last one to hold the key.
        self._node: ConnectionSource | None = None

    @property
    def breaks(self) -> int:
        return self._node.breaks if self._node else 0

    def make(self) -> Any:
        self._node = self._slots.pool_for(self._key).source
        return self._node.make()

    def broke(self) -> None:
        if self._node:
            self._node.broke()
        self.left()

    def left(self) -> None:
        self._slots.refresh(self._key)


class SlotPool:
    """Has what :class:`ConnectionPool` has, for whichever server holds a key.

    What a server has not run, because the key is elsewhere by now, is run there; for a key that is
    just being moved it is tried again for a while.

    Parameters:
      slots: Knows which server that is.
      key: The key.
    """

    def __init__(self, slots: Slots, key: str) -> None:
        self._slots = slots
        self._key = key

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        return self._where_it_is(ConnectionPool.run, script, keys, args)

    def run_once(self, script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        return self._where_it_is(ConnectionPool.run_once, script, keys, args)

    def run_confirmed(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[Argument],
        confirmation: Confirmation | None,
    ) -> Any:
        return self._where_it_is(ConnectionPool.run_confirmed, script, keys, args, confirmation)

    def call_all(self, commands: Sequence[Command]) -> list[Any]:
        answers: list[Any] = self._where_it_is(ConnectionPool.call_all, commands)
        return answers

    def close(self) -> None:
        """The connections are closed by :class:`Slots`."""

    def _where_it_is(self, do: Callable[..., Any], *args: Any) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return do(self._slots.pool_for(self._key), *args)
            except NOT_SERVED:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_SECONDS)
                self._slots.refresh(self._key)
            except BROKEN:
                self._slots.refresh(self._key)
                raise


#: Connections that threads share, to one server or to whichever of a cluster holds a key.
Connections = ConnectionPool | SlotPool
