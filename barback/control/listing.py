"""What runs, as the workers say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from barback.control.locating import Running, running_messages
from barback.control.running import Progress
from barback.control.status import MessageStatus
from barback.monitoring.workers import list_workers

if TYPE_CHECKING:
    from barback.monitoring.workers import WorkerStatus
    from barback.store.store import HasStore


def list_running(
    broker: HasStore, workers: list[WorkerStatus] | None = None
) -> list[MessageStatus]:
    """The messages that run, as of a second ago at the most, the longest first.

    Parameters:
      broker: The broker.
      workers: What :func:`barback.monitoring.workers.list_workers` has told just now, to spare
        asking again.

    Raises:
      redis.RedisError: When the server cannot be asked.
    """
    known = list_workers(broker) if workers is None else workers
    found = running_messages(broker.store, known)
    running = (running_status(it, MessageStatus(it.fields["id"], "running")) for it in found)
    return sorted(running, key=lambda status: status.since or 0)


def running_status(found: Running, status: MessageStatus) -> MessageStatus:
    """A message that runs, with what its worker has said."""
    fields, said_at = found.fields, found.said_at_ms / 1000
    cancelled_seconds = fields["cancelled_seconds"]
    return replace(
        status,
        state="running",
        queue_name=fields["queue_name"],
        actor_name=fields["actor_name"],
        message_id=fields["message_id"],
        worker=found.worker.name,
        thread=fields["thread"],
        since=said_at - fields["running_seconds"],
        attempt=fields["attempt"],
        max_retries=fields["max_retries"],
        progress=fields["progress"] and Progress(**fields["progress"]),
        cancelled_at=None if cancelled_seconds is None else said_at - cancelled_seconds,
    )
