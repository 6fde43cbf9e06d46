"""One queue: what waits, what is delayed, and how to hold it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.exceptions import HTTPException

from barback import control
from barback.board.endpoints import Outcome, offset_of
from barback.board.messages import PAGE_SIZE, delayed_messages, waiting_messages
from barback.board.pages.searching import step_of_search, text_of
from barback.board.texts import gettext as _

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.context import Board
    from barback.board.endpoints import Form
    from barback.board.rows import QueueRow

#: For how long a queue can be paused by the board, in minutes; 0: until somebody resumes it.
PAUSE_MINUTES = (0, 10, 60, 24 * 60)

#: The longest reason for a pause, in characters.
_MAX_REASON_CHARACTERS = 200


def queue(board: Board, request: Request) -> dict[str, Any]:
    """What waits in a queue."""
    row = known_queue(board, request)
    text = text_of(request)
    shown: dict[str, Any] = {"messages": []}
    # A page that only follows the counts does not have the messages read again.
    if "live" not in request.query_params:
        if text:
            shown = step_of_search(board, request, row.name, is_delayed=False)
        else:
            offset = offset_of(request, PAGE_SIZE)
            found = waiting_messages(board.broker.store, row.name, board.redact, offset=offset)
            shown = {"messages": found}
    return {"queue": row, "query": text, **shown, **_paging(request, row.status.ready)}


def delayed(board: Board, request: Request) -> dict[str, Any]:
    """What waits for its time in a queue, or in that of the queues that holds the most."""
    snapshot = board.reader.snapshot()
    queues = sorted(snapshot.queues, key=lambda row: -row.status.delayed)
    name = request.query_params.get("queue") or (queues[0].name if queues else "")
    row = snapshot.queue(name)
    text = text_of(request)
    shown: dict[str, Any] = {"messages": []}
    if row is not None and text:
        shown = step_of_search(board, request, name, is_delayed=True)
    elif row is not None:
        offset = offset_of(request, PAGE_SIZE)
        found = delayed_messages(board.broker.store, name, board.redact, offset=offset)
        shown = {"messages": found}
    return {
        "queues": [each for each in queues if each.status.delayed],
        "queue": row,
        "query": text,
        "now": snapshot.taken_at,
        **shown,
        **_paging(request, row.status.delayed if row else 0),
    }


def pause(board: Board, request: Request, form: Form, who: str) -> Outcome:
    """Hold the messages of a queue back."""
    name = known_queue(board, request).name
    minutes = form.get("minutes", ["0"])[0]
    if minutes not in map(str, PAUSE_MINUTES):
        raise HTTPException(
            400,
            _(
                "Expected minutes to be one of %(known)s, got %(given)s.",
                known=PAUSE_MINUTES,
                given=repr(minutes),
            ),
        )
    reason = form.get("reason", [""])[0].strip()[:_MAX_REASON_CHARACTERS]
    control.pause(
        board.broker,
        name,
        for_seconds=int(minutes) * 60 or None,
        reason=f"{reason} ({who})" if reason else _("by %(who)s", who=who),
    )
    return _done(name)


def resume(board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    name = known_queue(board, request).name
    control.resume(board.broker, name)
    return _done(name)


def purge(board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    """Delete what waits in a queue."""
    name = known_queue(board, request).name
    return _done(name, control.purge(board.broker, name))


def known_queue(board: Board, request: Request) -> QueueRow:
    """The queue that a path names.

    Raises:
      HTTPException: When there is none of that name.
    """
    name = request.path_params["queue"]
    row = board.reader.snapshot().queue(name)
    if row is None:
        raise HTTPException(404, _("There is no queue %(name)s.", name=repr(name)))
    return row


def _done(name: str, count: int | None = None) -> Outcome:
    return Outcome(f"queue={name}", count, f"/queues/{quote(name, safe='')}")


def _paging(request: Request, count: int) -> dict[str, Any]:
    offset = offset_of(request, PAGE_SIZE)
    return {
        "offset": offset,
        "page": offset // PAGE_SIZE + 1,
        "pages": max(1, -(-count // PAGE_SIZE)),
        "count": count,
    }
