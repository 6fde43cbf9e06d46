"""For those who have forgotten their password: a link by e-mail, and where it leads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.responses import Response

from mail.links import read_reset_token
from web.accounts.credentials import MIN_PASSWORD_LENGTH, Address, Credentials, problems_of
from web.accounts.links import (
    address_of_reset,
    ask_for_new_password,
    change_password,
)
from web.accounts.sent import sent_page
from web.outgoing import OutgoingDependency
from web.pages import page
from web.rate_limit import ATTEMPT_LIMIT
from web.sessions import account_of, delete_cookie
from web.visitors import FORM_TOKEN

router = APIRouter(prefix="/new-password")


@router.get("")
def show_request_form(request: Request) -> Response:
    account = account_of(request)
    return _request_form(request, email=account.user.email if account else "")


@router.post("", dependencies=[FORM_TOKEN, ATTEMPT_LIMIT])
def receive_request(
    request: Request, outgoing: OutgoingDependency, email: Annotated[str, Form()] = ""
) -> Response:
    try:
        address = Address(email=email.strip())
    except ValidationError as error:
        return _request_form(request, email=email, problems=problems_of(error))
    ask_for_new_password(address.email, outgoing)
    return RedirectResponse(f"{router.prefix}/sent", 303)


@router.get("/sent")
def show_sent(request: Request) -> Response:
    return sent_page(request, "accounts/new_password_sent.html")


@router.get("/{token}")
def show_form(request: Request, token: str) -> Response:
    link_id = read_reset_token(token)
    email = address_of_reset(link_id) if link_id else None
    return _form(request, email) if email else _not_valid(request)


@router.post("/{token}", dependencies=[FORM_TOKEN, ATTEMPT_LIMIT])
def receive_form(request: Request, token: str, password: Annotated[str, Form()] = "") -> Response:
    link_id = read_reset_token(token)
    email = address_of_reset(link_id) if link_id else None
    if link_id is None or email is None:
        return _not_valid(request)
    try:
        Credentials(email=email, password=password)
    except ValidationError as error:
        return _form(request, email, problems=problems_of(error))
    if not change_password(link_id, password):
        return _not_valid(request)
    response = RedirectResponse("/log-in?after=new-password", 303)
    delete_cookie(response)  # its session has ended
    return response


def _request_form(
    request: Request, *, email: str = "", problems: dict[str, str] | None = None
) -> Response:
    return page(
        request,
        "accounts/new_password_request.html",
        status=422 if problems else 200,
        email=email,
        problems=problems or {},
    )


def _form(request: Request, email: str, *, problems: dict[str, str] | None = None) -> Response:
    return page(
        request,
        "accounts/new_password.html",
        status=422 if problems else 200,
        email=email,
        problems=problems or {},
        min_password_length=MIN_PASSWORD_LENGTH,
    )


def _not_valid(request: Request) -> Response:
    return page(request, "accounts/new_password_not_valid.html", status=404)
