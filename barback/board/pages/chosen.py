"""What can be done to messages that somebody has chosen: cancel them, run them now."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from starlette.exceptions import HTTPException

from barback.board.endpoints import Outcome
from barback.board.texts import gettext as _
from barback.control.cancelling import cancel_chosen
from barback.control.hastening import run_chosen_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from barback.board.context import Board
    from barback.board.endpoints import Form

#: How many ids stand in the audit log at the most.
_NOTED = 10


def cancel(board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    """Cancel messages: what waits or is delayed is gone, what runs is asked to stop."""
    count = 0
    for queue_name, ids in _by_queue(form):
        done = cancel_chosen(board.broker, queue_name, ids, reason=_("by %(who)s", who=who))
        count += done.cancelled + done.asked
    return _outcome(form, count)


def run_now(board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    """Put messages that are delayed into their queues at once."""
    count = sum(run_chosen_now(board.broker, *chosen) for chosen in _by_queue(form))
    return _outcome(form, count)


def chosen_messages(form: Form, field: str = "message") -> list[tuple[str, bytes]]:
    """Queue and id of the messages that were ticked: ``queue:id`` each, percent-encoded.

    Raises:
      HTTPException: When there are none.
    """
    parts = (each.partition(":")[::2] for each in form.get(field, []))
    chosen = sorted(
        (unquote_to_bytes(queue_name).decode(errors="replace"), unquote_to_bytes(redis_id))
        for queue_name, redis_id in parts
    )
    if not chosen:
        raise HTTPException(400, _("Nothing was chosen."))
    return chosen


def noted(chosen: list[tuple[str, bytes]]) -> str:
    """Messages, for the audit."""
    return ",".join(redis_id.decode(errors="backslashreplace") for _, redis_id in chosen[:_NOTED])


def _by_queue(form: Form) -> Iterator[tuple[str, list[bytes]]]:
    for queue_name, pairs in groupby(chosen_messages(form), lambda pair: pair[0]):
        yield queue_name, [redis_id for _, redis_id in pairs]


def _outcome(form: Form, count: int) -> Outcome:
    """Back to the page that the form was on."""
    chosen = chosen_messages(form)
    queue_name, redis_id = chosen[0]
    page = form.get("page", [""])[0]
    if page == "message":
        path = f"/queues/{quote(queue_name, safe='')}/messages/{quote(redis_id, safe='')}"
    elif page == "queue":
        path = f"/queues/{quote(queue_name, safe='')}"
    else:
        path = "/running" if page == "running" else "/delayed"
    parameters = {"queue": queue_name} if path == "/delayed" else {}
    parameters |= {name: form[name][0] for name in ("q", "from") if form.get(name)}
    return Outcome(f"messages={noted(chosen)}", count, path, parameters)
