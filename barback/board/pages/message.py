"""One message: everything that is known about it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException

from barback import control
from barback.board.messages import find_payload
from barback.board.shown import (
    PAGE_CHARACTERS,
    decoded,
    no_redaction,
    redacted,
    shown_lines,
    shown_message,
)
from barback.board.texts import gettext as _
from barback.board.timeline import timeline_of
from barback.dead_letters.letter import as_redis_id
from barback.results import result_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.context import Board
    from barback.control import MessageStatus

#: Options that are shown elsewhere on the page, or tell nobody anything.
_HIDDEN_OPTIONS = frozenset({"traceback", "redis_message_id"})

#: Options with arguments in them: those of messages that follow, and the key of a unique one.
_WITH_ARGUMENTS = frozenset(
    {"control", "group_callbacks", "group_completion_callbacks", "pipe_target"}
)

#: The id of a trace in the header that a message carries it in.
_TRACE_ID = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-")

#: What an operator can do about a message in a state.
_ACTIONS = {
    "dead": ("requeue", "delete"),
    "expired": ("requeue", "delete"),
    "delayed": ("run", "cancel"),
    "retrying": ("run", "cancel"),
    "waiting": ("cancel",),
    "limited": ("cancel",),
    "taken": ("cancel",),
    "running": ("cancel",),
}


def message(board: Board, request: Request) -> dict[str, Any]:
    """A message, wherever it is, as a timeline, with all that it says."""
    queue_name = request.path_params["queue"]
    redis_id = _id_in(request)
    status = control.find(board.broker, redis_id, search_at_most=0, queue_name=queue_name)
    if status.state == "unknown":
        raise HTTPException(
            404,
            _(
                "There is no such message any more: it was done or deleted. What is done is kept "
                "only where workers have Control(remember_seconds=…)."
            ),
        )
    # A retry is an entry of its own, to which the id of the first one leads.
    payload = find_payload(board.broker.store, queue_name, as_redis_id(status.id))
    shown = shown_message(
        status.id,
        queue_name,
        payload,
        board.redact,
        size_bytes=len(payload or b""),
        characters=PAGE_CHARACTERS,
    )
    fields = decoded(payload) if payload else None
    options = fields["options"] if fields else {}
    return {
        "queue_name": queue_name,
        "state": status.state,
        "actions": _ACTIONS.get(status.state, ()) if status.cancelled_at is None else (),
        "message": shown,
        "has_payload": payload is not None,
        "message_id": status.message_id,
        "actor_name": status.actor_name,
        "now": time.time(),
        "timeline": timeline_of(status, shown.sent_at, options),
        "progress": status.progress if status.state == "running" else None,
        "arguments": _arguments(fields, board) if fields else None,
        "options": _options(board, options),
        "traceback": shown_lines(status.traceback),
        "trace_url": _trace_url(board, options),
        **_result(board, status),
    }


def _id_in(request: Request) -> str:
    """The id in the path. It may be anything: what is no text, the server has replaced in the path
    that it has decoded. Not every server tells the other one.
    """
    raw_path: bytes | None = request.scope.get("raw_path")
    if raw_path is None:
        return str(request.path_params["id"])
    quoted_id = raw_path.rpartition(b"/messages/")[2]  # the board may be mounted below such a name
    return unquote_to_bytes(quoted_id).decode(errors="surrogateescape")


def _arguments(fields: dict[str, Any], board: Board) -> list[dict[str, str]]:
    args, kwargs = redacted(fields, board.redact)
    named = [*((str(number), value) for number, value in enumerate(args)), *kwargs.items()]
    return [{"name": name, "value": value} for name, value in named]


def _options(board: Board, options: dict[str, Any]) -> dict[str, Any]:
    """Those that are shown. Whoever hides arguments would not want to find them here."""
    is_all_shown = board.redact is no_redaction
    hidden = _HIDDEN_OPTIONS if is_all_shown else _HIDDEN_OPTIONS | _WITH_ARGUMENTS
    return {name: value for name, value in options.items() if name not in hidden}


def _trace_url(board: Board, options: dict[str, Any]) -> str | None:
    carried = options.get("trace_context")
    header = carried.get("traceparent") if isinstance(carried, dict) else None
    found = _TRACE_ID.match(header) if isinstance(header, str) else None
    if board.trace_url is None or found is None:
        return None
    return board.trace_url.replace("{trace_id}", found[1])


def _result(board: Board, status: MessageStatus) -> dict[str, Any]:
    """What the actor returned. Whoever hides arguments would not want it to be shown."""
    if board.redact is not no_redaction:
        return {"result": None}
    return {"result": result_of(board.broker.client, status)}
