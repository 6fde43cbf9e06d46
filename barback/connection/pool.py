"""Connections that the threads of a process share."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from barback.connection.connection import RedisConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from barback.connection.confirmation import Confirmation
    from barback.connection.script import Argument, Command, Script
    from barback.connection.source import ConnectionSource


#: After how long without use a connection is closed, but for the last one: many are open only after
#: a burst. That last one is looked at before it is used again.
MAX_IDLE_SECONDS = 5.0


class ConnectionPool:
    """Connections for scripts, the last one used first.

    So those that a burst of work has left are never used again; they are closed after a while.

    Parameters:
      source: Where connections come from.
      limit: How many may be in use at a time; a further thread waits. None: one for each thread
        that wants one.
    """

    def __init__(self, source: ConnectionSource, *, limit: int | None = None) -> None:
        self.source = source
        self._limit = limit
        self._reset()

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """Run a script on any connection."""
        return self._twice_if_stale(RedisConnection.run, script, keys, args)

    def run_once(self, script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """As :meth:`run`, but never twice: for claims, whose lost answers have to be noticed."""
        connection = self._take()
        try:
            return _unless_elsewhere(connection, connection.run(script, keys, args))
        except BaseException as error:
            _close_if_interrupted(connection, error)
            raise
        finally:
            self._put_back(connection)

    def run_confirmed(
        self,
        script: Script,
        keys: Sequence[str],
        args: Sequence[Argument],
        confirmation: Confirmation | None,
    ) -> Any:
        """As :meth:`run`, and wait until what the script wrote is safe, if that is asked for.

        Raises:
          NotConfirmed: When the script ran, but that was not confirmed in time.
        """
        if confirmation is None:
            return self._twice_if_stale(RedisConnection.run, script, keys, args)
        return self._twice_if_stale(RedisConnection.run_confirmed, script, keys, args, confirmation)

    def call_all(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands that only read at once, and read all their answers."""
        answers: list[Any] = self._twice_if_stale(RedisConnection.call_all, commands)
        return answers

    def _twice_if_stale(self, do: Callable[..., Any], *args: Any) -> Any:
        """Do something on any connection.

        A connection that has lain idle may have been closed by the server or by something
        between, or lead to a server that is the primary no more; then it is done once more on a new
        one. Every script of this package but the claim may be run twice with the same arguments.
        """
        connection = self._take()
        was_idle = connection.is_open
        try:
            return _unless_elsewhere(connection, do(connection, *args))
        except RedisConnectionError:
            if not was_idle and not connection.leads_elsewhere:
                raise
            connection.close()
            return do(connection, *args)
        except BaseException as error:
            _close_if_interrupted(connection, error)
            raise
        finally:
            self._put_back(connection)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> RedisConnection:
        if self._pid != os.getpid():  # a fork must not share its parent's connections
            self._reset()
        if self._room is not None:
            self._room.acquire()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return RedisConnection(self.source)
            is_good = not (connection.leads_elsewhere or connection.is_doubtful)
            if is_good and not (_lay_idle(connection) and connection.is_dropped):
                return connection
            connection.close()

    def _put_back(self, connection: RedisConnection) -> None:
        if connection.is_open:
            connection.last_used = time.monotonic()
            self._idle.append(connection)
            if len(self._idle) > 1:
                self._close_long_idle(connection.last_used - MAX_IDLE_SECONDS)
        if self._room is not None:
            self._room.release()

    def _close_long_idle(self, last_used_before: float) -> None:
        with contextlib.suppress(IndexError):  # other threads take from it, too
            while self._idle[0].last_used < last_used_before:
                self._idle.popleft().close()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._idle: deque[RedisConnection] = deque()
        self._room = None if self._limit is None else threading.BoundedSemaphore(self._limit)


def _lay_idle(connection: RedisConnection) -> bool:
    return time.monotonic() - connection.last_used > MAX_IDLE_SECONDS


def _close_if_interrupted(connection: RedisConnection, error: BaseException) -> None:
    """A time limit or a cancel interrupts a thread anywhere: where it had sent a command and not
    read the answer yet, the next one would take that for its own.
    """
    if not isinstance(error, RedisError):
        connection.close()


def _unless_elsewhere(connection: RedisConnection, answer: Any) -> Any:
    """The answer, unless its server has been replaced meanwhile: what was done there may be lost.

    Raises:
      redis.ConnectionError: When it has.
    """
    if connection.is_open and connection.leads_elsewhere:
        connection.close()
        raise RedisConnectionError("another server is the primary by now")
    return answer
