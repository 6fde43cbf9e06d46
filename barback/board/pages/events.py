"""Tells open pages that it is time to look again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dramatiq.logging import get_logger
from redis import RedisError
from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from barback.board.context import Board

#: How many streams a board keeps open at once.
MAX_STREAMS = 200


def events(board: Board) -> Callable[[Request], Awaitable[Response]]:
    """A stream with an event whenever the shared reader has looked."""

    async def endpoint(request: Request) -> Response:
        await board.access.check(request, "view")
        if board.reader.listeners >= MAX_STREAMS:  # EventSource takes this for a final no
            return StreamingResponse(iter(()), 204)
        return StreamingResponse(_news(board), media_type="text/event-stream")

    return endpoint


async def _news(board: Board) -> AsyncIterator[str]:
    logger = get_logger(__name__)
    try:
        async for snapshot in board.reader.news():
            data = {"taken_at": snapshot.taken_at, "warnings": len(snapshot.warnings)}
            yield f"retry: 3000\nevent: news\ndata: {json.dumps(data)}\n\n"
    except RedisError as error:  # the stream ends, and the browser comes back
        logger.debug("A stream of news ends: %s", error)
