"""What has happened to a message, one event after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from barback.board.shown import PAGE_CHARACTERS
from barback.printable import printable

if TYPE_CHECKING:
    from barback.control import MessageStatus
    from barback.control.status import State

Kind = Literal[
    "sent",
    "failed",
    "crashed",
    "waiting",
    "limited",
    "due",
    "taken",
    "started",
    "asked",
    "done",
    "cancelled",
    "ignored",
    "dead",
]


@dataclass(frozen=True)
class Event:
    """Something that happened to a message, or is going to.

    Parameters:
      kind: What: it was ``sent``, has ``failed``; workers ``crashed`` over it; it is ``waiting``;
        it waits for a limit (``limited``); it is ``due``; a worker has ``taken`` it ahead; it was
        ``started``; its worker was ``asked`` to stop it; it is ``done``; ``cancelled``; it was
        cancelled and that was ``ignored``; it is ``dead``.
      at: When, as a Unix time in seconds, where anybody knows.
      number: How many: failures, crashes, messages before it; or which attempt.
      text: The error, the reason or the key of the limit.
      where: The worker and its thread.
    """

    kind: Kind
    at: float | None = None
    number: int | None = None
    text: str | None = None
    where: str | None = None


def timeline_of(
    status: MessageStatus, sent_at: float | None, options: dict[str, Any]
) -> list[Event]:
    """The events of a message, the first one first.

    Parameters:
      status: What is known about it.
      sent_at: When it was sent, as a Unix time in seconds by its producer's clock, or None.
      options: Its options.
    """
    events = [Event("sent", sent_at)]
    retries = options.get("retries")
    if isinstance(retries, int) and retries > 0 and status.state not in ("dead", "expired"):
        failed_ms = options.get("requeue_timestamp")
        failed_at = failed_ms / 1000 if isinstance(failed_ms, int | float) else None
        events.append(Event("failed", failed_at, retries, _text(status.error)))
    if status.crashes:
        events.append(Event("crashed", number=status.crashes))
    events += _state_events(status)
    return events


def _state_events(status: MessageStatus) -> list[Event]:
    """What its state adds."""
    worker, reason = _text(status.worker), _text(status.reason)
    events: dict[State, list[Event]] = {
        "waiting": [Event("waiting", number=status.position)],
        "limited": [Event("limited", status.until, text=_text(status.limit))],
        "delayed": [Event("due", status.until)],
        "retrying": [Event("due", status.until)],
        "taken": [Event("taken", where=worker)],
        "running": _running(status),
        "done": [Event("done", status.since, status.attempt, where=worker)],
        "cancelled": [
            Event("ignored" if status.was_ignored else "cancelled", status.since, text=reason)
        ],
        "dead": _dead(status),
        "expired": _dead(status),
    }
    return events.get(status.state, [])


def _running(status: MessageStatus) -> list[Event]:
    where = f"{status.worker}, {status.thread}" if status.thread else status.worker
    events = [Event("started", status.since, status.attempt, where=_text(where))]
    if status.cancelled_at is not None:
        events.append(Event("asked", status.cancelled_at))
    return events


def _dead(status: MessageStatus) -> list[Event]:
    events = []
    if status.error:
        events.append(Event("failed", None, status.attempt, _text(status.error)))
    return [*events, Event("dead", status.since, text=_text(status.reason))]


def _text(text: str | None) -> str | None:
    return None if text is None else printable(text[:PAGE_CHARACTERS])
