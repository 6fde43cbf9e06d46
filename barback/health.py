"""Whether a worker on this machine does its work."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from barback.workers import list_workers

if TYPE_CHECKING:
    from barback.broker import RedisBroker


def silence_on_this_host(broker: RedisBroker, queue_name: str) -> float | None:
    """How long ago a worker on this host took messages from a queue or waited for some.

    Returns:
      Seconds by the server's clock, or None when no worker on this host consumes the queue.
    """
    host = socket.gethostname()
    silences = [
        worker.silence_seconds[queue_name]
        for worker in list_workers(broker)
        if worker.host == host and queue_name in worker.silence_seconds
    ]
    return min(silences, default=None)
