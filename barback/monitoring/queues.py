"""How the queues are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barback.errors import UndecodablePayload
from barback.messages.encoding import decode_fields
from barback.monitoring.workers import WorkerStatus, list_workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from barback.store.store import HasStore


@dataclass(frozen=True)
class QueueStatus:
    """The state of one queue.

    Parameters:
      name: The name of the queue.
      ready: How many messages wait for a worker.
      running: How many messages workers hold: those in work and those taken ahead.
      delayed: How many messages wait for their time.
      dead: How many dead letters there are.
      oldest_seconds: How long ago the next message was sent, by the clock of its producer, or
        None when none waits.
      workers: How many live workers consume the queue.
      is_paused: Whether its messages are held back.
      limited: How many messages wait for room under a limit; see :class:`barback.control.Limit`.
    """

    name: str
    ready: int
    running: int
    delayed: int
    dead: int
    oldest_seconds: float | None
    workers: int
    is_paused: bool
    limited: int

    @property
    def waiting(self) -> int:
        """How many messages wait, for a worker or for room under a limit."""
        return self.ready + self.limited

    @property
    def unfinished(self) -> int:
        """How many messages are still to be done, wherever they wait, or are being done."""
        return self.waiting + self.running + self.delayed

    @property
    def is_unserved(self) -> bool:
        """Whether some are to be done, delayed ones and those of dead workers included, and no
        worker is there for them.
        """
        return self.unfinished > 0 and not self.workers


def queue_statuses(
    broker: HasStore, workers: Iterable[WorkerStatus] | None = None
) -> list[QueueStatus]:
    """The state of every queue that one of our producers or workers has used.

    Parameters:
      broker: The broker.
      workers: What :func:`list_workers` has told just now, to spare asking again.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    store = broker.store
    known = list(list_workers(broker) if workers is None else workers)
    names = sorted(store.queue_names().union(*(worker.silence_seconds for worker in known)))
    if not names:
        return []
    answers = store.queue_statuses(names)
    return [_status(name, answers[name], known) for name in names]


def forget_queue(broker: HasStore, queue_name: str) -> bool:
    """Take an empty queue off the list. It comes back with the next worker, and a minute after the
    next message at the latest.

    Parameters:
      broker: The broker.
      queue_name: The queue.

    Returns:
      False when no such queue was known.

    Raises:
      ValueError: When it holds messages of any kind, or a worker consumes it.
      redis.RedisError: When the server cannot be asked.
    """
    found = {status.name: status for status in queue_statuses(broker)}.get(queue_name)
    if found is None:
        return False
    left = found.unfinished + found.dead
    if left or found.workers:
        raise ValueError(
            f"Queue {queue_name!r} is in use. Workers: {found.workers}; "
            f"messages of any kind: {left}."
        )
    store = broker.store
    return bool(store.client.srem(store.fleet_keys.queues, queue_name))


def _status(name: str, answer: list[Any], workers: list[WorkerStatus]) -> QueueStatus:
    ready, held, delayed, dead, now_ms, next_payload, pause, limited = answer
    return QueueStatus(
        name=name,
        ready=ready,
        running=held,
        delayed=delayed,
        dead=dead,
        oldest_seconds=_age_seconds(next_payload, now_ms),
        workers=sum(worker.is_live for worker in workers if name in worker.silence_seconds),
        is_paused=bool(pause),
        limited=limited,
    )


def _age_seconds(payload: bytes, now_ms: int) -> float | None:
    if not payload:
        return None
    try:
        sent_ms: int = decode_fields(payload)["message_timestamp"]
    except UndecodablePayload:
        return None
    return max(0.0, (now_ms - sent_ms) / 1000)
