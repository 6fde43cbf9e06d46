"""What people and programs see when something is wrong: a page, or JSON under ``/api``."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from web.pages import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request
    from fastapi.exceptions import RequestValidationError
    from starlette.responses import Response


async def http_error(request: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)
    return _respond(request, error.status_code, error.detail, error.headers)


async def bad_input(request: Request, error: Exception) -> Response:
    # Not FastAPI's answer: that one repeats the input, passwords included.
    problems = [
        {"type": problem["type"], "loc": list(problem["loc"]), "msg": problem["msg"]}
        for problem in cast("RequestValidationError", error).errors()
    ]
    if _is_api(request):
        return JSONResponse({"detail": problems}, 422)
    return _respond(request, 422, "This is not something that the form could have sent.")


async def server_error(request: Request, error: Exception) -> Response:
    logging.getLogger(__name__).error(
        "%s %s failed.", request.method, _route(request), exc_info=error
    )
    return _respond(request, 500, "Something broke on our side. It has been written down.")


def _respond(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    if _is_api(request) or not hasattr(request.state, "visitor"):
        return JSONResponse({"detail": detail}, status, headers)
    title = HTTPStatus(status).phrase
    text = None if detail == title else detail
    return page(request, "error.html", status=status, headers=headers, title=title, text=text)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _route(request: Request) -> str:
    """The route, not the path: a path may hold a token."""
    return str(getattr(request.scope.get("route"), "path", "?"))
