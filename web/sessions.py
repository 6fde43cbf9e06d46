"""Who is logged in: people by a cookie, programs by a token in ``Authorization``.

Only a program's requests are looked at under ``/api``, so no other site can use a cookie there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from database.engine import reading
from database.sessions import SESSION_TTL, session_id, user_of_session
from database.users import User
from settings import settings
from translations import gettext as _
from web.front_door import is_loopback

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send


def cookies_are_secure() -> bool:
    """On this machine alone a session may travel without encryption."""
    return settings.public_url.startswith("https://") or not is_loopback(settings.public_url)


#: What the names of our cookies begin with. Browsers send a cookie to every port of a host, so that
#: other programs on this machine have theirs beside ours; and with ``__Host-`` they take it from
#: this host alone, and by HTTPS, so that no neighbour under the same domain can put one in place.
COOKIE_PREFIX = "__Host-bar_" if cookies_are_secure() else "bar_"

COOKIE_NAME = f"{COOKIE_PREFIX}session"

#: Whom the demo's button logs in. Nobody can sign up with this address: there is no such domain.
DEMO_ADDRESS = "staff@demo.invalid"

_PATHS_WITHOUT_ACCOUNT = ("/static/", "/healthz", "/readyz")


@dataclass(frozen=True)
class Account:
    """Somebody who is logged in, and the token of this session."""

    user: User
    token: str


class StaffOnly(HTTPException):
    """Only the bar's staff may do that. 401 is for those who may be staff, once they log in."""


class Sessions:
    """Looks up who sent a request, into ``request.state.account``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(_PATHS_WITHOUT_ACCOUNT):
            request = Request(scope)
            if token := _token(request):
                request.state.account = await run_in_threadpool(_find_account, request, token)
        await self.app(scope, receive, send)


def account_of(request: Request) -> Account | None:
    account: Account | None = getattr(request.state, "account", None)
    return account


def visitor_of(request: Request) -> str:
    """Whose orders are shown and made: the account's, or else the browser's."""
    account = account_of(request)
    return account.user.visitor if account else str(request.state.browser)


def form_scope(request: Request) -> str:
    """What a form is good for: this browser, and this session of it."""
    account = account_of(request)
    return f"{request.state.browser}.{session_id(account.token) if account else ''}"


def set_cookie(response: Response, token: str) -> None:
    response.set_cookie(
        COOKIE_NAME,
        token,
        max_age=int(SESSION_TTL.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=cookies_are_secure(),
    )


def delete_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE_NAME, httponly=True, samesite="lax", secure=cookies_are_secure())


def require_staff(request: Request) -> None:
    """Raises: StaffOnly."""
    account = account_of(request)
    if account is None:
        headers = {"WWW-Authenticate": "Bearer"}
        raise StaffOnly(401, _("Log in as one of the bar's staff."), headers)
    if not account.user.is_staff:
        raise StaffOnly(403, _("Reports are for the bar's staff, and this account is a guest's."))


def _require_account(request: Request) -> Account:
    account = account_of(request)
    if account is None:
        raise HTTPException(401, _("Log in first."), {"WWW-Authenticate": "Bearer"})
    return account


def _require_good_token(request: Request) -> None:
    if "Authorization" in request.headers and account_of(request) is None:
        raise HTTPException(
            401, "The token is unknown, or its session has ended.", {"WWW-Authenticate": "Bearer"}
        )


def _token(request: Request) -> str | None:
    if not request.url.path.startswith("/api/"):
        return request.cookies.get(COOKIE_NAME)
    scheme, _, token = Headers(scope=request.scope).get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _find_account(request: Request, token: str) -> Account | None:
    with reading() as session:
        user = user_of_session(session, token)
    if user is None or (user.email == DEMO_ADDRESS and not request.app.state.offers_demo):
        return None
    return Account(user, token)


MaybeAccount = Annotated[Account | None, Depends(account_of)]
LoggedIn = Annotated[Account, Depends(_require_account)]
Visitor = Annotated[str, Depends(visitor_of)]
STAFF_ONLY = Depends(require_staff)

#: Of routes of the JSON API that work without a token, too: a wrong one is no reason to.
OPTIONAL_TOKEN = Depends(_require_good_token)
