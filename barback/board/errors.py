"""What somebody sees when a page cannot be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dramatiq.logging import get_logger

from barback.board.rendering import render
from barback.board.texts import gettext as _
from barback.board.texts import in_words
from barback.i18n.catalogue import gettext_noop
from barback.printable import first_line

if TYPE_CHECKING:
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import Response

#: What Starlette says by itself.
_DETAILS = (gettext_noop("Not Found"), gettext_noop("Method Not Allowed"))

_logger = get_logger(__name__)


async def http_error(request: Request, error: Exception) -> Response:
    problem = cast("HTTPException", error)
    answer = _render(request, problem.status_code, in_words(problem.detail))
    answer.headers.update(problem.headers or {})
    return answer


async def broker_error(request: Request, error: Exception) -> Response:
    return _render(
        request,
        503,
        _(
            "The broker cannot be reached: %(reason)s. Nothing was changed, unless it was changed "
            "before the connection broke.",
            reason=first_line(error),
        ),
    )


async def server_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - logged
    return _render(request, 500, _("This is a fault of the board. Its log tells more."))


def _render(request: Request, status: int, text: str) -> Response:
    data = {"status": status, "error": text}
    return render(request, "error.html", data, status=status)
