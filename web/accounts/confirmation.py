"""Where the link of the confirmation e-mail leads.

Opening it changes nothing: mail scanners open links, too.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from mail.links import read_confirmation_token
from web.accounts.links import confirm
from web.pages import page
from web.visitors import FORM_TOKEN

router = APIRouter(prefix="/confirm")


@router.get("/{token}")
def show_button(request: Request, token: str) -> Response:
    if read_confirmation_token(token) is None:
        return _not_valid(request)
    return page(request, "accounts/confirm.html")


@router.post("/{token}", dependencies=[FORM_TOKEN])
def receive_button(request: Request, token: str) -> Response:
    link_id = read_confirmation_token(token)
    if link_id is None or not confirm(link_id):
        return _not_valid(request)
    return page(request, "accounts/confirmed.html")


def _not_valid(request: Request) -> Response:
    return page(request, "accounts/not_confirmed.html", status=404)
