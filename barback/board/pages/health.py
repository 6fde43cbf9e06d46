"""Whether the board works, for health checks. It tells nothing else, so anybody may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from barback.board.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from barback.board.context import Board


def health(board: Board) -> Callable[[Request], Awaitable[Response]]:
    """200 when the broker answers, else 503."""

    async def endpoint(request: Request) -> Response:  # noqa: ARG001
        await in_thread(board.reader.snapshot)
        return PlainTextResponse("ok\n")

    return endpoint
