"""Whether a worker on this machine does its work."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from barback.monitoring.workers import list_workers

if TYPE_CHECKING:
    from barback.monitoring.workers import WorkerStatus
    from barback.store.store import HasStore


def silence_on_this_host(broker: HasStore, queue_name: str) -> float | None:
    """How long ago a worker on this host took messages from a queue or waited for some.

    Returns:
      Seconds by the server's clock, or None when no worker on this host consumes the queue.
    """
    workers = _workers_on_this_host(broker, queue_name)
    return min((worker.silence_seconds[queue_name] for worker in workers), default=None)


def lost_threads_on_this_host(broker: HasStore, queue_name: str) -> int:
    """How many threads have died in live workers of a queue on this host."""
    workers = _workers_on_this_host(broker, queue_name)
    return sum(worker.lost_threads for worker in workers if worker.is_live)


def _workers_on_this_host(broker: HasStore, queue_name: str) -> list[WorkerStatus]:
    host = socket.gethostname()
    return [
        worker
        for worker in list_workers(broker)
        if worker.host == host and queue_name in worker.silence_seconds
    ]
