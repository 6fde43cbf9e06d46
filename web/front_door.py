"""Turns away requests that none of our pages could have led to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response

from settings import settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

#: Another site cannot have these: they lead to whoever asks.
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

_OWN_HOSTS = _LOOPBACK | {urlsplit(settings.public_url).hostname, settings.web_host.lower()}

#: What monitoring asks by whatever address it finds the process under.
_PROBES = {"/healthz", "/readyz"}

#: No form and no JSON of ours comes near it.
MAX_BODY_BYTES = 16_384

#: No path of ours holds them, and PostgreSQL and terminals choke on them.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]")


class FrontDoor:
    """Answers 400 to a foreign ``Host``, 404 to a path with control characters, 415 to multipart,
    413 to a body that says to be too long. Starlette would send the last one in its own words, and
    looks after those that do not say.

    A foreign name that leads here is how another site's scripts reach a website that listens on
    loopback alone ("DNS rebinding"), and redirects would repeat it. The parts of a multipart form
    say in which encoding they are; some of those make text that no database and no page can hold.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self.app
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            is_own = host_name(headers.get("host", "")) in _OWN_HOSTS or scope["path"] in _PROBES
            if not is_own:
                app = _refusal(scope, 400, "This website has another name: see WEB_URL.")
            elif _CONTROL_CHARACTERS.search(scope["path"]):
                app = _refusal(scope, 404, "There is nothing at this address.")
            elif headers.get("content-type", "").lower().startswith("multipart/"):
                app = _refusal(scope, 415, "No form of ours is sent as multipart.")
            elif int(headers.get("content-length", 0)) > MAX_BODY_BYTES:
                app = _refusal(scope, 413, "The request is too long: 16 kB at the most.")
        await app(scope, receive, send)


def is_loopback(url: str) -> bool:
    """Whether a URL leads to the machine of whoever opens it."""
    return host_name(urlsplit(url).netloc) in _LOOPBACK


def _refusal(scope: Scope, status: int, text: str) -> Response:
    if scope["path"].startswith("/api/"):
        return JSONResponse({"detail": text}, status)
    return PlainTextResponse(f"{text}\n", status)


def host_name(host: str) -> str:
    """The name in a Host header: ``[::1]:8000`` is ``::1``."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().removesuffix(".")
