"""Dead letters as a file."""

from __future__ import annotations

import csv
import io
from itertools import chain
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from barback.board.pages.dead import searched_queues
from barback.board.pages.searching import parsed_query, text_of
from barback.board.search import DEAD_FIELDS, MAX_SEARCHED, latest
from barback.board.shown import redacted
from barback.board.threads import each_in_thread, in_thread
from barback.printable import json_text, visible

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from barback.board.context import Board
    from barback.dead_letters import DeadLetter

COLUMNS = ("id", "queue", "actor", "died_at", "reason", "error", "deliveries", "arguments")

#: What a spreadsheet takes for a formula when a cell begins with it.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def export(board: Board) -> Callable[[Request], Awaitable[Response]]:
    """The dead letters that a search matches, as they are read: ``?as=csv`` or ``?as=json``."""

    async def endpoint(request: Request) -> Response:
        await board.access.check(request, "export")
        query = parsed_query(text_of(request), DEAD_FIELDS)
        names = await in_thread(searched_queues, board, request.query_params.get("queue", ""))
        searched = zip(range(MAX_SEARCHED), latest(board.broker, names), strict=False)
        rows = (
            _row(letter, board) for _, letter in searched if query.matches(letter, board.redact)
        )
        is_csv = request.query_params.get("as") == "csv"
        lines = _csv_lines(rows) if is_csv else _json_lines(rows)
        name = f"dead-letters.{'csv' if is_csv else 'json'}"
        first = await in_thread(next, lines, b"")  # a failure is told while it can be
        return StreamingResponse(
            each_in_thread(chain([first], lines)),
            media_type="text/csv; charset=utf-8" if is_csv else "application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    return endpoint


def _row(letter: DeadLetter, board: Board) -> dict[str, Any]:
    arguments = redacted(letter.fields, board.redact) if letter.fields else None
    values = (
        *(letter.id, letter.queue_name, letter.actor_name, letter.died_at, letter.reason),
        *(letter.error, letter.deliveries, arguments),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _csv_lines(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = {**row, "arguments": json_text(row["arguments"], default=repr)}
        writer.writerow([_harmless(cells[column]) for column in COLUMNS])
        yield _taken(buffer)
    yield _taken(buffer)


def _json_lines(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    separator = "[\n"
    for row in rows:
        yield f"{separator}{json_text(row, default=repr)}".encode()
        separator = ",\n"
    yield b"\n]\n" if separator != "[\n" else b"[]\n"


def _harmless(value: object) -> str:
    text = "" if value is None else visible(str(value))
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode(errors="backslashreplace")
