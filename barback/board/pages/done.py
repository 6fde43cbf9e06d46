"""What was done or cancelled lately, where that is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from barback.board.endpoints import offset_of
from barback.control.ended import read_ended, status_of_ended

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.context import Board

#: How many messages are on a page.
PAGE_SIZE = 50


def done(board: Board, request: Request) -> dict[str, Any]:
    """The messages of a queue that have ended, the latest first: of the queue that is asked for, or
    of the one of which the most are remembered.
    """
    counts = _remembered(board)
    name = request.query_params.get("queue") or max(counts, key=counts.__getitem__, default="")
    ended = read_ended(board.broker.store, name) if name in counts else []
    offset = offset_of(request, PAGE_SIZE)
    return {
        "queues": counts,
        "queue_name": name,
        "messages": [status_of_ended(each, name) for each in ended[offset : offset + PAGE_SIZE]],
        "listed": len(ended),
        "knows_done": any(each.record.get("state") == "done" for each in ended),
        "page": offset // PAGE_SIZE + 1,
        "pages": max(1, -(-len(ended) // PAGE_SIZE)),
    }


def _remembered(board: Board) -> dict[str, int]:
    """How many messages are remembered of each queue of which some are."""
    store = board.broker.store
    names = [row.name for row in board.reader.snapshot().queues]
    with store.client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.zcard(store.keys(name).ended)
        counts = dict(zip(names, pipeline.execute(), strict=True))
    return {name: count for name, count in counts.items() if count}
