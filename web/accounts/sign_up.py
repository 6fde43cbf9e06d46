"""The sign-up form, and the one for another link. Their answers do not wait for the e-mail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.responses import Response

from web.accounts.credentials import MIN_PASSWORD_LENGTH, Credentials, problems_of
from web.accounts.links import sign_up
from web.accounts.sent import sent_page
from web.outgoing import OutgoingDependency
from web.pages import page
from web.rate_limit import ATTEMPT_LIMIT
from web.visitors import FORM_TOKEN

router = APIRouter(prefix="/sign-up")

_SENT = f"{router.prefix}/done"


@router.get("")
def show_form(request: Request) -> Response:
    return _form(request)


@router.post("", dependencies=[FORM_TOKEN, ATTEMPT_LIMIT])
def receive_form(
    request: Request,
    outgoing: OutgoingDependency,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    try:
        credentials = Credentials(email=email.strip(), password=password)
    except ValidationError as error:
        return _form(request, email=email, problems=problems_of(error))
    sign_up(credentials, outgoing)
    return RedirectResponse(_SENT, 303)


@router.get("/done")
def show_done(request: Request) -> Response:
    return sent_page(request, "accounts/sign_up_done.html")


@router.get("/new-link")
def show_new_link(request: Request) -> Response:
    """Signing up again: a link for the latest sign-up could be that of somebody else."""
    return page(request, "accounts/new_link.html", min_password_length=MIN_PASSWORD_LENGTH)


def _form(request: Request, *, email: str = "", problems: dict[str, str] | None = None) -> Response:
    return page(
        request,
        "accounts/sign_up.html",
        status=422 if problems else 200,
        email=email,
        problems=problems or {},
        min_password_length=MIN_PASSWORD_LENGTH,
    )
