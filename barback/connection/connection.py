"""Connections to Redis, one level below ``redis.Redis``.

A message's way through a broker is a handful of round trips, so what a client spends on each
command counts: ``redis.Redis.execute_command`` costs about as much processor time as the command
itself. Here a command is packed, sent and its answer read, on a connection made as the client
makes its own (with its TLS, timeouts and credentials), and nothing else.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from barback.connection.packing import packer_of
from barback.connection.source import BROKEN
from barback.errors import NotConfirmed, WrongKeyType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from barback.connection.confirmation import Confirmation
    from barback.connection.packing import Packer
    from barback.connection.script import Argument, Command, Script
    from barback.connection.source import ConnectionSource

#: What a replica answers, or a server of a cluster that does not hold the key.
_LEADS_ELSEWHERE = (ReadOnlyError, AskError, ClusterDownError)


class RedisConnection:
    """One connection to Redis, for one thread at a time.

    Every method raises :class:`redis.RedisError` when the connection or the command fails.

    Parameters:
      source: Where the connection comes from.
      name: What it is called in ``CLIENT LIST``.
    """

    def __init__(self, source: ConnectionSource, *, name: str | None = None) -> None:
        self._source = source
        self._name = name
        self._connection: Any = None
        _of_this_process.add(self)
        self._pack: Packer
        self._changes = 0
        self._breaks = 0
        self.is_open = False
        #: When a pool got it back, by the monotonic clock.
        self.last_used = 0.0

    @property
    def leads_elsewhere(self) -> bool:
        """Whether later connections led to another server: this one's may have been demoted, and
        what it does may be lost.
        """
        return self._changes != self._source.changes

    @property
    def is_doubtful(self) -> bool:
        """Whether another connection has broken since this one was opened: its server may have
        vanished, or a network may have forgotten connections without a word to either side.
        """
        return self._breaks != self._source.breaks

    @property
    def is_dropped(self) -> bool:
        """Whether the other side has closed this connection, on which no answer is awaited: servers
        and proxies do that with those that lie idle, and nothing is wrong with others then.
        """
        try:
            return bool(self._connection.can_read(timeout=0))
        except BROKEN:
            return True

    def open(self) -> None:
        """Connect, unless this connection is open."""
        if self._connection is None:
            try:
                connection = self._source.make()
                connection.connect()
            except Exception as error:
                if not isinstance(error, ResponseError):
                    self._source.left()
                if isinstance(error, RedisError):
                    raise
                # redis-py opens files, too, and asks for credentials where the user has said.
                raise RedisConnectionError(f"{type(error).__name__}: {error}") from error
            self._connection = connection
            self.is_open = True
            self._breaks = self._source.breaks
            self._pack = packer_of(connection)
            self._changes = self._source.reached(connection)
            if self._name is not None:
                self.call("CLIENT", "SETNAME", self._name)

    def close(self) -> None:
        """Disconnect. Answers that are still under way are lost."""
        connection, self._connection = self._connection, None
        self.is_open = False
        if connection is not None:
            connection.disconnect()

    def send(self, *commands: Command) -> None:
        """Send commands without waiting for their answers."""
        if self._connection is None:
            self.open()
        connection = self._connection
        try:
            connection.send_packed_command(self._pack(commands), check_health=False)
        except BaseException as error:
            self._fail(error)
            raise

    def can_read(self, timeout_seconds: float) -> bool:
        """Wait for an answer to begin to arrive."""
        try:
            return bool(self._connection.can_read(timeout=timeout_seconds))
        except BaseException as error:
            self._fail(error)
            raise

    def read(self) -> Any:
        """Read the answer to the oldest command that has none yet."""
        try:
            return self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            # The command failed and the connection is fine, unless it leads to a server that does
            # not serve this any more: then the next connection finds the one that does.
            if isinstance(error, _LEADS_ELSEWHERE) or "read-only replica" in str(error):
                self.close()
                self._source.left()
            raise
        except BaseException as error:
            self._fail(error)
            raise

    def _fail(self, error: BaseException) -> None:
        self.close()
        if isinstance(error, BROKEN):
            self._source.broke()

    def call(self, *command: Argument) -> Any:
        """Send a command and read its answer."""
        self.send(command)
        return self.read()

    def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands at once, and read all their answers."""
        self.send(*commands)
        try:
            return [self.read() for _ in commands]
        except BaseException:
            self.close()  # answers may be left
            raise

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run a script, and load it first where Redis does not know it (any more)."""
        command = script.by_sha(keys, args)
        self.send(command)
        try:
            return self.read()
        except NoScriptError:
            self.call("SCRIPT", "LOAD", script.source)
            return self.run(script, keys, args)
        except ResponseError as error:
            raise self._explained(error, script, keys) from error

    def run_confirmed(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[Argument],
        confirmation: Confirmation,
    ) -> Any:
        """Run a script, and wait until what it wrote is safe.

        Raises:
          NotConfirmed: When the script ran, but that was not confirmed in time.
        """
        command = script.by_sha(keys, args)
        self.send(command, confirmation.command)
        try:
            answer = self.read()
        except NoScriptError:
            self.read()
            self.call("SCRIPT", "LOAD", script.source)
            return self.run_confirmed(script, keys, args, confirmation)
        except ResponseError as error:
            if self.is_open:
                self.read()  # the answer to the confirmation, which confirms nothing
            raise self._explained(error, script, keys) from error
        if not confirmation.is_given_by(self.read()):
            raise NotConfirmed(confirmation.what)
        return answer

    def _explained(
        self, error: ResponseError, script: Script, keys: Sequence[str]
    ) -> ResponseError:
        """The error of a script, which itself does not say which key is of a wrong type."""
        if "WRONGTYPE" in str(error):
            for key in keys:
                expected, actual = script.key_type(key), self.call("TYPE", key).decode()
                if actual not in (expected, "none"):
                    return WrongKeyType(key, expected=expected, actual=actual)
        return error


_of_this_process: weakref.WeakSet[RedisConnection] = weakref.WeakSet()


def _let_go_of_the_parents() -> None:
    """Called in a process that was forked. While it kept the connections of its parent open, a
    parent that was killed would not count as gone.
    """
    for connection in list(_of_this_process):
        connection.close()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_let_go_of_the_parents)
