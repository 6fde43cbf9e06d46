"""Which browser is which, logged in or not: each gets a random id in a signed cookie.

The same id protects forms: a form carries a signature of it that other sites cannot know. A form
is good for one session: what was shown before a log-in or log-out cannot be sent after it.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Form, HTTPException, Request
from itsdangerous import BadData, URLSafeSerializer
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser

from settings import settings
from translations import gettext as _
from web.sessions import COOKIE_PREFIX, cookies_are_secure, form_scope

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE_NAME = f"{COOKIE_PREFIX}visitor"
#: How long a browser is known after its last visit, in seconds.
COOKIE_TTL_SECONDS = 365 * 86_400

_cookies = URLSafeSerializer(settings.web_secret, salt="visitor-cookie")
_forms = URLSafeSerializer(settings.web_secret, salt="form")

#: Neither is a page that somebody visits; cookies would only be in the way.
_PATHS_WITHOUT_COOKIE = ("/api/", "/static/")


class VisitorCookie:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_PATHS_WITHOUT_COOKIE):
            await self.app(scope, receive, send)
            return
        known = _read_cookie(scope)
        browser = known or secrets.token_urlsafe(18)
        scope.setdefault("state", {})["browser"] = browser
        # With a form that another site sends, browsers send no cookie, but keep what is answered.
        is_visit = scope["method"] == "GET"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and is_visit:
                MutableHeaders(scope=message).append("Set-Cookie", _cookie(browser))
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def _read_cookie(scope: Scope) -> str | None:
    header = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    return _load(_cookies, cookie_parser(header).get(COOKIE_NAME, ""))


def _cookie(browser: str) -> str:
    secure = "; Secure" if cookies_are_secure() else ""
    return (
        f"{COOKIE_NAME}={_cookies.dumps(browser)}; Path=/; Max-Age={COOKIE_TTL_SECONDS}; "
        f"HttpOnly; SameSite=Lax{secure}"
    )


def _load(serializer: URLSafeSerializer, text: str) -> str | None:
    try:
        return str(serializer.loads(text))
    except BadData:
        return None


def form_token(request: Request) -> str:
    """What a form carries to show that it is ours."""
    token: str | bytes = _forms.dumps(form_scope(request))
    return token if isinstance(token, str) else token.decode()


def require_form_token(request: Request, form_token: Annotated[str, Form()] = "") -> None:
    """Raises: HTTPException with status 403, when a form is not ours."""
    if _load(_forms, form_token) != form_scope(request):
        raise HTTPException(
            403, _("This form has expired, or cookies are blocked. Go back, reload and try again.")
        )


FORM_TOKEN = Depends(require_form_token)
