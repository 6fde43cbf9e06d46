"""Finds out who reads which language: what they have chosen, or else what their browser prefers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from barback.i18n.language import ENGLISH, LANGUAGES, Language, language, negotiate, speaking

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Of the cookie that remembers a choice. The bar's website and the board share it; an application
#: in which the board is mounted may have a ``language`` of its own.
COOKIE_NAME = "barback_language"
COOKIE_TTL_SECONDS = 365 * 86_400

#: What the links of the switch have in their address: ``?lang=zh``. It works without JavaScript.
PARAMETER = "lang"


class LanguageChoice:
    """Has each request answered in the language of whoever sent it.

    Parameters:
      app: What answers.
      is_for_programs: Tells by the scope what is not for people: it is answered in English.
    """

    def __init__(self, app: ASGIApp, *, is_for_programs: Callable[[Scope], bool]) -> None:
        self.app = app
        self._is_for_programs = is_for_programs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_for_programs(scope):
            with speaking(ENGLISH):
                await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        chosen = LANGUAGES.get(request.query_params.get(PARAMETER, ""))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Accept-Language, Cookie")
                headers["Content-Language"] = language().tag
                if chosen:
                    headers.append("Set-Cookie", _cookie(chosen, is_secure=_is_secure(scope)))
            await send(message)

        with speaking(chosen or _remembered_or_preferred(request)):
            await self.app(scope, receive, send_with_headers)


def address_in(request: HTTPConnection, other: Language) -> str:
    """Where a page is in another language: a path, from the page's own directory.

    A page that answers a form is left for the page of the form.
    """
    query = request.url.include_query_params(**{PARAMETER: other.code}).query
    return f"?{query}"


def _remembered_or_preferred(request: HTTPConnection) -> Language:
    remembered = LANGUAGES.get(request.cookies.get(COOKIE_NAME, ""))
    return remembered or negotiate(request.headers.get("accept-language", ""))


def _cookie(chosen: Language, *, is_secure: bool) -> str:
    secure = "; Secure" if is_secure else ""
    return (
        f"{COOKIE_NAME}={chosen.code}; Path=/; Max-Age={COOKIE_TTL_SECONDS}; "
        f"HttpOnly; SameSite=Lax{secure}"
    )


def _is_secure(scope: Scope) -> bool:
    return scope.get("scheme") == "https"
