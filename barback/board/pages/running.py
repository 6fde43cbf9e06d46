"""What each worker thread does now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.context import Board


def running(board: Board, request: Request) -> dict[str, Any]:  # noqa: ARG001
    """The messages that run, the longest first, and how many threads are busy."""
    snapshot = board.reader.snapshot()
    live = [row for row in snapshot.workers if row.status.is_live]
    return {
        "messages": snapshot.running,
        "now": snapshot.taken_at,
        "threads": sum(row.status.threads or 0 for row in live),
        "workers": len(live),
    }
