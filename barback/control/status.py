"""What is known about one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from barback.control.running import Progress

State = Literal[
    "waiting",
    "limited",
    "delayed",
    "retrying",
    "taken",
    "running",
    "done",
    "cancelled",
    "dead",
    "expired",
    "unknown",
]


@dataclass(frozen=True)
class MessageStatus:
    """What is known about one message. What does not apply to its state is None.

    Parameters:
      id: The id of its entry in Redis, or the id that was asked for where there is none.
      state: ``waiting`` for a worker; ``limited``: it waits for room under its limit; ``delayed``;
        ``retrying``: delayed after it has failed; ``taken`` ahead by a worker, which starts it
        soon; ``running``; ``done``, which is known only where ended messages are remembered;
        ``cancelled``; ``dead``; ``expired``: older than its actor's `max_age`; or ``unknown``.
      queue_name: Its queue.
      actor_name: Its actor.
      message_id: Dramatiq's id, which it keeps through its retries.
      position: How many messages wait before it.
      since: Since when it runs, or when it ended, as a Unix time in seconds; of one that waits,
        when it was sent, by the clock of whoever sent it.
      until: When it is due, likewise.
      attempt: The how-manieth attempt this is, was or will be.
      max_retries: How many retries it has, where the message itself or its latest retry says so.
      limit: The key of the limit that it waits for.
      worker: Who has it or had it: host and process.
      thread: Which thread runs it.
      progress: How far it is, as its actor has said.
      cancelled_at: When its worker was asked to stop it, as a Unix time in seconds.
      was_ignored: Whether it was cancelled and ran to its end all the same.
      reason: Why it is dead or cancelled.
      error: The last error.
      traceback: The last traceback.
      crashes: How many workers have died over it.
      searched: How many messages were looked through for Dramatiq's id.
      is_search_complete: Whether those were all.
    """

    id: str
    state: State
    queue_name: str | None = None
    actor_name: str | None = None
    message_id: str | None = None
    position: int | None = None
    since: float | None = None
    until: float | None = None
    attempt: int | None = None
    max_retries: int | None = None
    limit: str | None = None
    worker: str | None = None
    thread: str | None = None
    progress: Progress | None = None
    cancelled_at: float | None = None
    was_ignored: bool = False
    reason: str | None = None
    error: str | None = None
    traceback: str | None = None
    crashes: int = 0
    searched: int = 0
    is_search_complete: bool = True
