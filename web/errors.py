"""What people and programs see when something is wrong: a page, or JSON under ``/api``."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from database.engine import AWAY_ERRORS
from database.errors import reason_of
from translations import gettext as _
from translations import gettext_noop, look_up
from web.pages import page
from web.rare_log import warn_rarely

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request
    from fastapi.exceptions import RequestValidationError

    from web.sessions import StaffOnly


_FORMS = {
    "/lesson",
    "/log-in",
    "/new-password",
    "/orders",
    "/reports",
    "/sign-up",
    "/standing-orders",
}

_TITLES = {
    403: gettext_noop("Please try that once more."),
    404: gettext_noop("This page does not exist."),
    405: gettext_noop("This page does not exist."),
    409: gettext_noop("That was ordered before."),
    413: gettext_noop("That is too long."),
    422: gettext_noop("Something is missing."),
    429: gettext_noop("One moment, please."),
    500: gettext_noop("Something went wrong."),
    503: gettext_noop("Not right now."),
}

#: What FastAPI says by itself.
_DETAILS = (
    gettext_noop("Content Too Large"),
    gettext_noop("There was an error parsing the body"),
)

#: What to do, where Pydantic's words do not say it to somebody who uses the API.
_HINTS = {"model_attributes_type": "Send a JSON object, with Content-Type: application/json"}

#: When it is worth another try, in seconds, as a header.
RETRY_AFTER = {"Retry-After": "10"}

_OTHER_TITLE = gettext_noop("That did not work.")


async def http_error(request: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)
    return _respond(request, error.status_code, error.detail, error.headers)


async def staff_only(request: Request, error: Exception) -> Response:
    """Whoever is not logged in can do so; then the page is shown."""
    error = cast("StaffOnly", error)
    if request.url.path.endswith("/events"):
        # A page that follows what happens would ask for ever, and stand still: it loads itself
        # again instead, and that is answered as below.
        return Response("event: end\ndata:\n\n", media_type="text/event-stream")
    if error.status_code == HTTPStatus.UNAUTHORIZED and not _is_api(request):
        path = request.url.path if request.method == "GET" else "/reports"
        path = path.removesuffix("/sales.csv")  # to the page with the link, not to a file
        return RedirectResponse(f"/log-in?next={quote(path)}", 303)
    return _respond(
        request, error.status_code, error.detail, error.headers, title=_("This is for the staff.")
    )


async def bad_input(request: Request, error: Exception) -> Response:
    # Not FastAPI's answer: that one repeats the input, passwords included.
    problems = [
        {
            "type": problem["type"],
            "loc": list(problem["loc"]),
            "msg": _HINTS.get(problem["type"], problem["msg"]),
        }
        for problem in cast("RequestValidationError", error).errors()
    ]
    if _is_api(request):
        return JSONResponse({"detail": problems}, 422)
    return _respond(
        request,
        422,
        _("This is not what the form sends. Go back, reload and try again."),
    )


async def server_error(request: Request, error: Exception) -> Response:
    if isinstance(error, AWAY_ERRORS):
        warn_rarely("Requests are refused: the database cannot be used: %s.", reason_of(error))
        detail = _("The bar cannot look anything up at the moment. Please try again in a minute.")
        return _respond(request, 503, detail, RETRY_AFTER)
    logging.getLogger(__name__).error(
        "%s %s failed.", request.method, _route(request), exc_info=error
    )
    return _respond(request, 500, _("Something broke on our side. It has been written down."))


def _respond(
    request: Request,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    *,
    title: str | None = None,
) -> Response:
    if _is_api(request) or not hasattr(request.state, "browser"):
        return JSONResponse({"detail": detail}, status, headers)
    text = None if detail == HTTPStatus(status).phrase else look_up(detail)
    return page(
        request,
        "error.html",
        status=status,
        headers=headers,
        title=title or _(_TITLES.get(status, _OTHER_TITLE)),
        text=text,
        # A form that was refused is shown under the address it was sent to.
        back=request.url.path if request.method == "POST" and request.url.path in _FORMS else None,
    )


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _route(request: Request) -> str:
    """The route, not the path: a path may hold a token."""
    return str(getattr(request.scope.get("route"), "path", "?"))
