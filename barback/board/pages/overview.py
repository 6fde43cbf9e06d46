"""All queues, and what somebody should look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.context import Board


def overview(board: Board, request: Request) -> dict[str, Any]:  # noqa: ARG001
    return {"snapshot": board.reader.snapshot()}


def workers(board: Board, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """Who works, and on what."""
    return {"snapshot": board.reader.snapshot()}
