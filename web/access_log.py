"""A line for every request that a person or a program made.

It names the route, not the path: a path may hold the token of a link. Health checks and assets are
left out, so that the log is quiet when nobody is there.
"""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from barback.durations import duration_in_words
from barback.printable import printable

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_UNLOGGED = ("/static/", "/healthz", "/readyz")


class AccessLog:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.logger = logging.getLogger("bar.web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNLOGGED):
            await self.app(scope, receive, send)
            return
        started_at = time.perf_counter()
        status: int | None = None

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            if status is None:
                raise
            # Answered and logged before: errors.server_error. uvicorn would log it once more.
        finally:
            seconds = time.perf_counter() - started_at
            no_route = "(no such page)" if status == HTTPStatus.NOT_FOUND else "(no page)"
            self.logger.info(
                "%s %s %s %s in %s",
                # Behind a proxy it is what that says.
                printable(scope["client"][0]) if scope.get("client") else "-",
                scope["method"],
                getattr(scope.get("route"), "path", no_route),
                status or "unanswered",
                duration_in_words(seconds),
            )
