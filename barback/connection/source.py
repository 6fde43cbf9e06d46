"""Where connections come from."""

from __future__ import annotations

import threading
from typing import Any

import redis

from barback.connection.fake import FakeredisConnection, is_fakeredis
from barback.connection.patience import impatient

#: redis-py takes no pool without a limit.
_UNLIMITED = 2**31

#: What a connection raises that broke, or whose server is silent.
BROKEN = (redis.ConnectionError, redis.TimeoutError, OSError)


class ConnectionSource:
    """Makes connections with the settings of a client, outside its pool.

    So no ``max_connections`` of the client can starve a worker, and its idle connections never
    keep a program from its own.

    Parameters:
      client: The client.
    """

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._server: Any = None
        self._lock = threading.Lock()
        #: How often a connection led to another server than the one before.
        self.changes = 0
        self._breaks = 0

    @property
    def breaks(self) -> int:
        """How often a connection that was open has broken."""
        return self._breaks

    def make(self) -> Any:
        """Make a connection, which is not open yet."""
        pool = self.client.connection_pool
        connection = pool.connection_class(**pool.connection_kwargs)
        return FakeredisConnection(connection) if is_fakeredis(self.client) else connection

    def reached(self, connection: Any) -> int:
        """Note which server a new connection leads to; returns :attr:`changes`."""
        server = (getattr(connection, "host", None), getattr(connection, "port", None))
        with self._lock:
            if self._server != server:
                self._server = server
                self.changes += 1
            return self.changes

    def left(self) -> None:
        """Called when a connection failed, or led to a server that does not serve."""

    def broke(self) -> None:
        """Called when a connection broke that was open.

        Those that lie idle lead to the same server. If that has vanished, each of them would be
        found out only by a time-out of its own.
        """
        self._breaks += 1
        self.client.connection_pool.disconnect(inuse_connections=False)
        self.left()


def twin_of(client: redis.Redis) -> redis.Redis:
    """A client with the settings of another one, and connections of its own."""
    pool = client.connection_pool
    kwargs = {**pool.connection_kwargs, "max_connections": _UNLIMITED}
    kwargs["retry"] = impatient(kwargs.get("retry"))
    return redis.Redis(connection_pool=redis.ConnectionPool(pool.connection_class, **kwargs))
