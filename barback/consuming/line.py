"""How a consumer takes messages from Redis, and waits for them.

No blocking command ever carries a message, only a wake-up: the answer to a blocking command can be
lost for good. A consumer that finds its queue empty leaves the name of its *bell*, a list, and
whoever enqueues the next message rings one of the bells.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

import redis
from redis.exceptions import NoScriptError

if TYPE_CHECKING:
    import threading

    from barback.connection.connection import RedisConnection
    from barback.connection.pool import ConnectionPool
    from barback.store.calls import Invocation
    from barback.store.worker_calls import WorkerCalls

#: How long Redis keeps a waiting worker before it answers that nobody rang, in seconds. This only
#: bounds how often an idle worker asks.
WAIT_SECONDS = 30

#: How long Redis may be late with that answer before the connection counts as dead, in seconds.
WAIT_GRACE_SECONDS = 5

#: How much longer a consumer waits for each queue that its line is shared with, in seconds, so that
#: an idle process does not ask more often the more queues it serves.
WAIT_SECONDS_PER_QUEUE = 4

#: The answer of a claim that took nothing.
NOTHING: tuple[list[bytes], list[bytes], list[bytes]] = ([], [], [])


class Line(Protocol):
    """A consumer's line to Redis. Every method raises :class:`redis.RedisError` when it breaks."""

    is_waiting: bool

    def claim(self, invocation: Invocation) -> Any:
        """Take messages now."""

    def join(self, calls: WorkerCalls, epoch: str, held_ids: list[str]) -> int:
        """Join the queue; see :meth:`WorkerCalls.join`."""

    def wait(self, invocation: Invocation) -> None:
        """Begin to wait for the bell; the claim is made when it rings."""

    def poll(self, timeout_seconds: float) -> Any:
        """Whether the wait is over: the answer of the claim, or :data:`NOTHING` if it goes on."""

    def end_wait(self) -> None:
        """End a wait, the bell having been rung and the claim having become void."""

    def close(self) -> None:
        """Break the connection."""


class OwnLine:
    """The line of a worker's only consumer: a connection of its own.

    The claim travels behind the wait on that connection, so that Redis makes it the moment that
    the bell rings: a message costs an idle worker one round trip.

    Parameters:
      connection: The connection.
      bell: The key of the bell.
    """

    def __init__(self, connection: RedisConnection, bell: str) -> None:
        self.is_waiting = False
        self._connection = connection
        self._bell = bell
        self._overdue_at = 0.0

    def claim(self, invocation: Invocation) -> Any:
        return self._connection.run(*invocation)

    def join(self, calls: WorkerCalls, epoch: str, held_ids: list[str]) -> int:
        return calls.join(epoch, held_ids, self._connection)

    def wait(self, invocation: Invocation) -> None:
        script, keys, args = invocation
        self._connection.send(("BLPOP", self._bell, WAIT_SECONDS), script.by_sha(keys, args))
        self.is_waiting = True
        self._overdue_at = time.monotonic() + WAIT_SECONDS + WAIT_GRACE_SECONDS

    def poll(self, timeout_seconds: float) -> Any:
        if self._connection.can_read(timeout_seconds):
            return self._read()
        if time.monotonic() > self._overdue_at:
            raise redis.TimeoutError("Redis did not answer in time")
        if self._connection.is_doubtful:
            # The heartbeat speaks every second, so it finds out first when a network has
            # forgotten connections without a word to either side.
            raise redis.ConnectionError("another connection of this worker broke")
        return NOTHING

    def end_wait(self) -> None:
        self._read()

    def close(self) -> None:
        self.is_waiting = False
        self._connection.close()

    def _read(self) -> Any:
        self._connection.read()
        self.is_waiting = False
        try:
            return self._connection.read()
        except NoScriptError:
            return NOTHING  # the next claim loads the script


class SharedLine:
    """The line of one consumer among several: it takes messages over the process's few connections
    for that, and waits for the process's doorbell.

    Parameters:
      connections: The connections to take messages over.
      rung: Set by the doorbell when the bell rings for this consumer.
      queue_count: How many queues share the line.
    """

    def __init__(
        self, connections: ConnectionPool, rung: threading.Event, queue_count: int
    ) -> None:
        self.is_waiting = False
        self._connections = connections
        self._rung = rung
        self._longest_wait_seconds = WAIT_SECONDS + WAIT_SECONDS_PER_QUEUE * queue_count
        self._ask_at = 0.0
        self._claim: Invocation | None = None

    def claim(self, invocation: Invocation) -> Any:
        self._rung.clear()  # before the claim: a later ring tells of a later message
        return self._connections.run_once(*invocation)

    def join(self, calls: WorkerCalls, epoch: str, held_ids: list[str]) -> int:
        # Over these few, too: all consumers of a worker join at the same moment.
        return calls.join(epoch, held_ids, self._connections)

    def wait(self, invocation: Invocation) -> None:
        self._claim = invocation
        self.is_waiting = True
        self._ask_at = time.monotonic() + self._longest_wait_seconds

    def poll(self, timeout_seconds: float) -> Any:
        is_rung = self._rung.wait(timeout_seconds)
        if self._claim is None or not (is_rung or time.monotonic() > self._ask_at):
            return NOTHING
        self.is_waiting = False
        return self.claim(self._claim)

    def end_wait(self) -> None:
        self.is_waiting = False

    def close(self) -> None:
        self.is_waiting = False
