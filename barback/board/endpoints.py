"""Makes endpoints of what pages show and actions do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from barback.board.access import note_change
from barback.board.rendering import json_response, render, wants_json
from barback.board.texts import gettext as _
from barback.board.threads import in_thread
from barback.i18n import formats

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from barback.board.access import Action
    from barback.board.context import Board

    Endpoint = Callable[[Request], Awaitable[Response]]
    Form = dict[str, list[str]]
    View = Callable[[Board, Request], dict[str, Any]]

#: How many digits the number of a page or of a message has at the most.
MAX_DIGITS = 9

#: The largest form, in bytes: a thousand chosen ids are 20 kB.
MAX_FORM_BYTES = 262_144


@dataclass(frozen=True)
class Outcome:
    """What an action has done.

    Parameters:
      what: What it was done to, for the audit: ``queue=beer``.
      count: How many messages it has changed, or None where none are counted.
      path: The page to go to, below the board's own address.
      parameters: The parameters of that page; `did` is what it is to say that was done.
    """

    what: str
    count: int | None
    path: str
    parameters: dict[str, Any] = field(default_factory=dict)


def page(board: Board, template: str, view: View) -> Endpoint:
    """A page that shows what `view` returns; the same as JSON."""

    async def endpoint(request: Request) -> Response:
        await board.access.check(request, "view")
        data = await in_thread(view, board, request)
        return render(request, template, data, read_only=board.access.read_only)

    return endpoint


def action(
    board: Board,
    kind: Action | Callable[[Board, Request], Action],
    do: Callable[[Board, Request, Form, str], Outcome],
) -> Endpoint:
    """An action: checked, done, noted for the audit, and answered with the page that shows it.

    Parameters:
      board: The board.
      kind: What it is, or what tells that by the request.
      do: Does it.
    """

    async def endpoint(request: Request) -> Response:
        name = kind(board, request) if callable(kind) else kind
        who = await board.access.check(request, name)
        form = await read_form(request)
        outcome = await in_thread(do, board, request, form, who)
        note_change(who, name, outcome.what, outcome.count)
        board.reader.forget()
        if wants_json(request):
            return json_response({"action": name, "what": outcome.what, "count": outcome.count})
        parameters = {**outcome.parameters}
        parameters.setdefault("did", name)
        if outcome.count is not None:
            parameters["count"] = outcome.count
        base = request.scope.get("root_path", "")
        return RedirectResponse(f"{base}{outcome.path}?{urlencode(parameters)}", 303)

    return endpoint


async def read_form(request: Request) -> Form:
    """The fields of a form.

    Raises:
      HTTPException: When it is too large.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(
                413,
                _("A form may have %(count)s bytes at most.", count=formats.number(MAX_FORM_BYTES)),
            )
    return parse_qs(body.decode(errors="replace"), errors="replace")


def offset_of(request: Request, page_size: int) -> int:
    """How many entries come before those of the page that is asked for; pages count from 1."""
    return (number_of(request, "page", least=1) - 1) * page_size


def number_of(request: Request, name: str, *, least: int) -> int:
    """A parameter that is a number, `least` unless it is given.

    Raises:
      HTTPException: When it is no such number.
    """
    number = request.query_params.get(name, str(least))
    is_number = number.isdecimal() and len(number) <= MAX_DIGITS
    if not is_number or int(number) < least:
        raise HTTPException(
            400,
            _(
                "Expected %(name)s to be a number from %(least)s on, got %(number)s.",
                name=name,
                least=least,
                number=repr(number)[:100],
            ),
        )
    return int(number)
