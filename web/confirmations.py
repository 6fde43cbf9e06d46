"""Where the link of the confirmation e-mail leads."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from actors.confirmation import read_token
from database.engine import writing
from database.users import confirm
from web.pages import page

router = APIRouter()


@router.get("/confirm/{token}")
def confirm_address(request: Request, token: str) -> Response:
    user_id = read_token(token)
    if user_id is not None:
        with writing() as session:
            if confirm(session, user_id):
                return page(request, "confirmed.html")
    return page(request, "not_confirmed.html", status=404)
