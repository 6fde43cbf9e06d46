"""What runs, as the workers say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from barback.control.locating import Running, running_messages
from barback.control.running import Progress
from barback.control.status import MessageStatus
from barback.monitoring.workers import list_workers
from barback.store.records import count_in, number_in, text_in

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


def progress_in(fields: dict[str, Any]) -> Progress | None:
    """The progress in what was stored of a message."""
    said = fields.get("progress")
    if not isinstance(said, dict):
        return None
    done, total = number_in(said, "done"), number_in(said, "total")
    return Progress(done or 0, total, text_in(said, "text") or "")


def running_status(found: Running, status: MessageStatus) -> MessageStatus:
    """A message that runs, with what its worker has said."""
    fields, said_at = found.fields, found.said_at_ms / 1000
    cancelled_seconds = number_in(fields, "cancelled_seconds")
    return replace(
        status,
        state="running",
        queue_name=text_in(fields, "queue_name"),
        actor_name=text_in(fields, "actor_name"),
        message_id=text_in(fields, "message_id"),
        worker=found.worker.name,
        thread=text_in(fields, "thread"),
        since=said_at - (number_in(fields, "running_seconds") or 0),
        attempt=count_in(fields, "attempt"),
        max_retries=count_in(fields, "max_retries"),
        progress=progress_in(fields),
        cancelled_at=None if cancelled_seconds is None else said_at - cancelled_seconds,
    )
