"""Brings back what dead workers held."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import redis
from dramatiq.logging import get_logger
from redis.exceptions import ResponseError

from barback.connection.incidents import incidents
from barback.monitoring.workers import worker_name
from barback.printable import printable
from barback.recovery.maintenance import Maintenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from barback.connection.connection import RedisConnection
    from barback.store.store import Store


#: For how long a worker has to be seen silent before its last heartbeat, by the server's clock, may
#: count as too old, in seconds: more than from one heartbeat to the next. A clock may be set, and a
#: machine be woken from sleep.
OBSERVED_SECONDS = 4.0


class Recovery:
    """Judges silent workers, and puts the messages of dead ones back into their queues.

    Parameters:
      store: Where the queues are.
      heartbeat_timeout_ms: Tells after how long a silence a worker counts as dead although its
        connection still exists, in milliseconds.
      dead_message_ttl_ms: Tells how long dead letters are kept, in milliseconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        heartbeat_timeout_ms: Callable[[], int],
        dead_message_ttl_ms: Callable[[], int],
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self._store = store
        self._heartbeat_timeout_ms = heartbeat_timeout_ms
        #: By queue: since when its silent workers have been seen so, on the monotonic clock, by
        #: worker and last heartbeat.
        self._silent_since: dict[str, dict[tuple[str, bytes], float]] = {}
        self._maintenance = Maintenance(
            store,
            heartbeat_timeout_ms=heartbeat_timeout_ms,
            dead_message_ttl_ms=dead_message_ttl_ms,
        )

    def judge(
        self, connection: RedisConnection, queue_name: str, suspects: Sequence[bytes]
    ) -> None:
        """Recover the messages of those silent workers that are dead.

        Parameters:
          connection: The connection to ask over.
          queue_name: The queue.
          suspects: Worker, its last heartbeat, worker, its last heartbeat, …
        """
        seconds, microseconds = connection.call("TIME")
        now_ms = int(seconds) * 1000 + int(microseconds) / 1000
        observed_at, known = time.monotonic(), self._silent_since.get(queue_name, {})
        silent_since = {pair: known.get(pair, observed_at) for pair in _pairs(suspects)}
        self._silent_since[queue_name] = silent_since
        for (worker_id, heartbeat), since in silent_since.items():
            timed_out = (
                observed_at - since >= OBSERVED_SECONDS
                and now_ms - float(heartbeat) >= self._heartbeat_timeout_ms()
            )
            if timed_out or not _is_connected(connection, worker_id):
                self._recover(worker_id, queue_name, heartbeat)

    def maintain(self, queue_names: Iterable[str]) -> None:
        """Do what is due about once a minute."""
        self._maintenance.maintain(queue_names)

    def maintain_as_stock(self, queue_name: str) -> None:
        """Do for a queue what stock Dramatiq's calls do now and then: recover the workers that have
        been silent for the heartbeat time-out, without a look at their connections, and forget the
        dead letters that are older than their time to live.
        """
        suspects = self._store.heartbeat(
            self._store.connections_to(queue_name),
            "",
            {queue_name: False},
            suspicious_ms=self._heartbeat_timeout_ms(),
        )
        for worker_id, heartbeat in _pairs(suspects[queue_name]):
            self._recover(worker_id, queue_name, heartbeat)
        self._maintenance.purge_dead_letters(queue_name)

    def _recover(self, worker_id: str, queue_name: str, heartbeat: bytes) -> None:
        """Put what a dead worker held back, unless it has sent a new heartbeat."""
        back = self._store.worker_calls(queue_name, worker_id).recover(heartbeat)
        if back is not None:
            incidents.note("crash", queue_name)
            incidents.note("recovery", queue_name, back)
        if back:
            self.logger.warning(
                "Worker %s has died or was cut off. Of queue %r it held %d, which others get now.",
                self._name_of(worker_id),
                queue_name,
                back,
            )

    def _name_of(self, worker_id: str) -> str:
        """A worker as ``status`` shows it."""
        with contextlib.suppress(redis.RedisError):
            return printable(worker_name(self._store, worker_id))
        return printable(worker_id)


def _is_connected(connection: RedisConnection, worker_id: str) -> bool:
    """Whether the connection over which a worker sends its heartbeats still exists.

    Where nobody can tell, it counts as existing: then the heartbeat time-out alone decides. It is
    looked for by its name, among all clients of the server, which is done only for suspects.
    """
    try:
        clients = connection.call("CLIENT", "LIST")
    except ResponseError:
        return True
    return f" name=barback:{worker_id} ".encode() in clients


def _pairs(suspects: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Worker and last heartbeat of each suspect."""
    for raw_worker_id, heartbeat in zip(suspects[::2], suspects[1::2], strict=True):
        yield raw_worker_id.decode(errors="replace"), heartbeat
