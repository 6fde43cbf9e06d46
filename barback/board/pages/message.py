"""One message: everything that is known about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException

from barback.board.messages import find_message
from barback.board.shown import (
    PAGE_CHARACTERS,
    decoded,
    redacted,
    shown_lines,
    shown_message,
)
from barback.dead_letters import DeadLetters

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.context import Board
    from barback.dead_letters import DeadLetter

#: Options that are shown elsewhere on the page, or tell nobody anything.
_HIDDEN_OPTIONS = frozenset({"traceback", "redis_message_id"})


def message(board: Board, request: Request) -> dict[str, Any]:
    """A message that waits, runs, is delayed, or is dead."""
    queue_name = request.path_params["queue"]
    # The server has replaced what is no text in the path, but ids may be anything.
    _, _, quoted_id = request.scope["raw_path"].partition(b"/messages/")
    raw_id = unquote_to_bytes(quoted_id)
    redis_id = raw_id.decode(errors="surrogateescape")
    letter = DeadLetters(board.broker, queue_name).get(redis_id)
    if letter is not None:
        where, payload = "dead", letter.payload
    else:
        found = find_message(board.broker.store, queue_name, raw_id)
        if found is None:
            raise HTTPException(
                404,
                "There is no such message in this queue any more: it was done, or deleted. "
                "What is done is not kept.",
            )
        where, payload = found
    running = _running(board, redis_id)
    fields = decoded(payload)
    options = fields["options"] if fields else {}
    return {
        "queue_name": queue_name,
        "where": "running" if running else where,
        "message": shown_message(
            redis_id,
            queue_name,
            payload,
            board.redact,
            size_bytes=len(payload),
            characters=PAGE_CHARACTERS,
        ),
        "message_id": fields["message_id"] if fields else None,
        "arguments": _arguments(fields, board) if fields else None,
        "options": {name: value for name, value in options.items() if name not in _HIDDEN_OPTIONS},
        "death": _death(letter) if letter else None,
        "running": running,
        "traceback": shown_lines(letter.traceback if letter else options.get("traceback")),
    }


def _arguments(fields: dict[str, Any], board: Board) -> list[dict[str, str]]:
    args, kwargs = redacted(fields, board.redact)
    named = [*((str(number), value) for number, value in enumerate(args)), *kwargs.items()]
    return [{"name": name, "value": value} for name, value in named]


def _death(letter: DeadLetter) -> dict[str, Any]:
    return {
        "died_at": letter.died_at,
        "reason": letter.reason,
        "error": letter.error,
        "deliveries": letter.deliveries,
    }


def _running(board: Board, redis_id: str) -> dict[str, Any] | None:
    for worker in board.reader.snapshot().workers:
        for each in worker.running:
            if each.get("id") == redis_id:
                return {"worker": worker.status.name, "since": each.get("since")}
    return None
