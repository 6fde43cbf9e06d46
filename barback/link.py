"""Connections to Redis, one level below ``redis.Redis``.

A message's way through a broker is a handful of round trips, so what a client spends on each
command counts: ``redis.Redis.execute_command`` costs about as much processor time as the command
itself. Here a command is packed, sent and its answer read, on a connection of the client's own
pool (with its TLS, timeouts and credentials), and nothing else.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from barback.lua import Script

Argument = str | bytes | int | float
Command = tuple[Argument, ...]


def evalsha(script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Command:
    """The command that runs a script which Redis has loaded."""
    return ("EVALSHA", script.sha, len(keys), *keys, *args)


def eval_source(script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Command:
    """The command that runs a script whether or not Redis has loaded it. Its source travels
    along, which is worth it where there are many arguments and no second try.
    """
    return ("EVAL", script.source, len(keys), *keys, *args)


class Link:
    """One connection to Redis, for one thread at a time.

    Every method raises :class:`redis.RedisError` when the connection or the command fails.

    Parameters:
      client: The client from whose pool the connection comes.
      name: What the connection is called in ``CLIENT LIST``. Nobody else may bear that name: a link
        with a name ends, when it opens again, what the server still has of its lost connections.
    """

    def __init__(self, client: redis.Redis, *, name: str | None = None) -> None:
        self._client = client
        self._name = name
        self._connection: Any = None
        #: The server's number for this connection.
        self.client_id = 0
        self._lost_client_ids: set[int] = set()

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def open(self) -> None:
        """Connect, unless this link is connected."""
        if self._connection is None:
            self._connection = self._client.connection_pool.get_connection()
            self.client_id = self.call("CLIENT", "ID")
            if self._name is not None:
                self.call("CLIENT", "SETNAME", self._name)
                self._end_lost_connections()

    def close(self) -> None:
        """Disconnect. Answers that are still under way are lost."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._name is not None:
                self._lost_client_ids.add(self.client_id)
            connection.disconnect()
            self._client.connection_pool.release(connection)

    def send(self, *commands: Command) -> None:
        """Send commands without waiting for their answers."""
        self.open()
        packed = self._connection.pack_commands(commands)
        self._connection.send_packed_command(packed, check_health=False)

    def can_read(self, timeout_seconds: float) -> bool:
        """Wait for an answer to begin to arrive."""
        return bool(self._connection.can_read(timeout=timeout_seconds))

    def read(self) -> Any:
        """Read the answer to the oldest command that has none yet."""
        try:
            return self._connection.read_response(disable_decoding=True)
        except ResponseError:
            raise  # the command failed, the connection is fine
        except BaseException:
            self.close()
            raise

    def call(self, *command: Argument) -> Any:
        """Send a command and read its answer."""
        self.send(command)
        return self.read()

    def _end_lost_connections(self) -> None:
        """Have the server forget connections that only broke on this side.

        It would go on to serve what was asked for on them: a blocking move would take the next
        message, for nobody.
        """
        for client_id in self._lost_client_ids.copy():
            with contextlib.suppress(ResponseError):  # where no client may manage others
                found = self.call("CLIENT", "LIST", "ID", client_id)
                # After a restart the server gives the same numbers to others.
                if f"name={self._name} ".encode() in found:
                    self.call("CLIENT", "KILL", "ID", client_id)
            self._lost_client_ids.discard(client_id)

    def unblock(self) -> None:
        """Have Redis answer the blocking command that this link waits for, at once."""
        helper = Link(self._client)
        try:
            helper.call("CLIENT", "UNBLOCK", self.client_id)
        finally:
            helper.close()

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run a script, and load it first where Redis does not know it (any more)."""
        command = evalsha(script, keys, args)
        try:
            return self.call(*command)
        except NoScriptError:
            self.call("SCRIPT", "LOAD", script.source)
            return self.call(*command)


class LinkPool:
    """Links that the threads of this process share, the last one used first.

    Parameters:
      client: The client from whose pool the connections come.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._idle: deque[Link] = deque()
        self._pid = os.getpid()

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run a script on any connection.

        A connection that has lain idle may have been closed by the server or by something
        between; then the script is run once more on a new one. Every script of this package may
        be run twice with the same arguments.
        """
        link = self._take()
        was_idle = link.is_open
        try:
            return link.run(script, keys, args)
        except RedisConnectionError:
            if not was_idle:
                raise
            self.close()  # its idle neighbours broke with it
            link.close()
            return link.run(script, keys, args)
        finally:
            if link.is_open:
                self._idle.append(link)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Link:
        if self._pid != os.getpid():  # a fork must not share its parent's connections
            self._idle = deque()
            self._pid = os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return Link(self._client)
