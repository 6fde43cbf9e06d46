"""Who may do what, and from which pages."""

from __future__ import annotations

import base64
import hmac
import inspect
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Literal, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request

from barback.board.texts import gettext as _
from barback.board.texts import in_words
from barback.printable import printable

#: What somebody may want. ``view`` covers every page, ``export`` the download of dead letters,
#: ``run`` both delayed messages and schedules that are to run now.
Action = Literal["view", "export", "pause", "resume", "purge", "requeue", "delete", "cancel", "run"]

#: Decides by a request and an action. True or the name of who asks: yes; False or None: no.
Authorize = Callable[[Request, Action], bool | str | Awaitable[bool | str | None] | None]

#: What changes something.
CHANGES = frozenset(get_args(Action)) - {"view", "export"}

#: The shortest token that is accepted. Nothing slows down those who guess.
MIN_TOKEN_CHARACTERS = 16

#: One of few different characters was typed, not drawn.
_MIN_DIFFERENT_CHARACTERS = 8

#: Where this machine reaches itself: from these addresses, and with these ``Host`` headers.
_LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1"})
_LOOPBACK_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?", re.IGNORECASE)

_audit = logging.getLogger("barback.board.audit")


def anybody(request: Request, action: Action) -> str:  # noqa: ARG001 - the signature of Authorize
    """Lets everybody do everything: for an application that checks before it passes requests on."""
    return "anybody"


def on_loopback(request: Request, action: Action) -> str:  # noqa: ARG001 - as above
    """Lets everybody on this machine do everything.

    A page of another site could have its name lead to this machine and then read ours: so the
    board answers under its own names alone.

    Raises:
      HTTPException: When it is addressed by another name, or from elsewhere.
    """
    client = request.client.host if request.client else None
    # Not request.url, which has the server's own address in place of a name that it cannot read:
    # browsers can read some of those, such as evil{.example.
    is_own = _LOOPBACK_HOST.fullmatch(request.headers.get("host", ""))
    if not is_own or client not in (None, *_LOOPBACK_ADDRESSES):
        raise HTTPException(403, _("This board answers on http://127.0.0.1 alone."))
    return "this machine"


def with_token(token: str) -> Authorize:
    """Lets those in who know a token, as a Bearer token or as the password of HTTP Basic; with
    Basic the name that they give stands in the audit log.

    Raises:
      ValueError: When the token is shorter than 16 characters, or has few different ones.
    """
    if len(token) < MIN_TOKEN_CHARACTERS or len(set(token)) < _MIN_DIFFERENT_CHARACTERS:
        raise ValueError(
            f"Expected a token of at least {MIN_TOKEN_CHARACTERS} characters, drawn at random. "
            "Make one: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )

    def authorize(request: Request, action: Action) -> str:  # noqa: ARG001 - as above
        name, given = _credentials(request.headers.get("authorization", ""))
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise HTTPException(
                401,
                _(
                    "The token is missing or wrong. Any user name will do; the token is the "
                    "password."
                ),
                headers={"WWW-Authenticate": 'Basic realm="barback", charset="UTF-8"'},
            )
        return name or "token"

    return authorize


class Access:
    """Checks requests.

    Parameters:
      authorize: Decides.
      read_only: Whether nobody may change anything.
    """

    def __init__(self, authorize: Authorize, *, read_only: bool) -> None:
        self._authorize = authorize
        self.read_only = read_only

    async def check(self, request: Request, action: Action) -> str:
        """Let a request pass, and tell who asks.

        Raises:
          HTTPException: When they may not.
        """
        if action in CHANGES:
            if self.read_only:
                raise HTTPException(403, _("This board is read-only."))
            _refuse_other_sites(request)
        answer = self._authorize(request, action)
        if inspect.isawaitable(answer):
            answer = await answer
        if not answer:
            raise HTTPException(403, _("You may not %(action)s here.", action=in_words(action)))
        return answer if isinstance(answer, str) else "somebody"


def note_change(who: str, action: Action, what: str, count: int | None) -> None:
    """Write a line for the audit: who changed what, and how many messages."""
    number = "" if count is None else f" count={count}"
    _audit.info("who=%s action=%s %s%s", printable(who), action, printable(what), number)


def _refuse_other_sites(request: Request) -> None:
    """A form on another site's page would be sent with this browser's credentials."""
    fetch_site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if fetch_site is not None:
        is_ours = fetch_site == "same-origin"
    elif origin is not None:  # a browser of before 2023, or http:// on another name than localhost
        is_ours = origin.partition("://")[2] == request.headers.get("host")
    else:  # no browser: nobody has lured it here
        is_ours = True
    if not is_ours:
        raise HTTPException(403, _("Actions are accepted from the board's own pages alone."))


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return "", value.strip()
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(value).decode().partition(":")
    except ValueError:  # no Base64, or no text
        return "", ""
    return name, password
