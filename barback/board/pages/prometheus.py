"""Figures of the whole fleet, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from barback.board.threads import in_thread
from barback.new.requirements import requirement_with

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from barback.board.context import Board


def prometheus(board: Board) -> Callable[[Request], Awaitable[Response]]:
    """What :func:`barback.metrics.prometheus.exposition` tells."""

    async def endpoint(request: Request) -> Response:
        await board.access.check(request, "view")
        try:
            from barback.metrics.prometheus import CONTENT_TYPE, exposition  # noqa: PLC0415
        except ModuleNotFoundError:
            raise HTTPException(
                501,
                "The package prometheus-client is missing: "
                f"pip install '{requirement_with('prometheus')}'",
            ) from None
        return Response(await in_thread(exposition, board.broker), media_type=CONTENT_TYPE)

    return endpoint
