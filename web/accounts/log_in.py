"""Logging in and out, and the page of one's account."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from database.engine import reading, writing
from database.sessions import end_all_sessions, end_session, session_count
from web.accounts.credentials import MAX_PASSWORD_LENGTH
from web.accounts.logging_in import log_in, log_in_demo_staff
from web.pages import page
from web.rate_limit import ATTEMPT_LIMIT, count_log_in
from web.sessions import DEMO_ADDRESS, MaybeAccount, account_of, delete_cookie, set_cookie
from web.visitors import FORM_TOKEN, require_form_token

router = APIRouter()

#: A path of ours, and nothing that a browser takes for another site's address.
_OWN_PATH = re.compile(r"/[a-z0-9-]+(/[a-z0-9-]+)*", re.ASCII)

_WELCOME = "/orders"


@router.get("/log-in")
def show_form(
    request: Request,
    next: str = "",  # noqa: A002 - the name is what people see in the address
    after: str = "",
) -> Response:
    """Parameters: after: What has just happened: ``new-password`` or nothing."""
    return _form(request, destination=next, is_password_new=after == "new-password")


@router.post("/log-in", dependencies=[FORM_TOKEN, ATTEMPT_LIMIT])
def receive_form(
    request: Request,
    email: Annotated[str, Form(max_length=1000)] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",  # noqa: A002 - as above
) -> Response:
    count_log_in(email)
    token = None
    if len(password) <= MAX_PASSWORD_LENGTH:
        token = log_in(email, password, browser=request.state.browser, replaced=_token(request))
    if token is None:
        return _form(request, email=email, destination=next, is_wrong=True)
    return _welcome(token, next)


@router.post("/log-in/demo", dependencies=[FORM_TOKEN, ATTEMPT_LIMIT])
def receive_demo(
    request: Request,
    next: Annotated[str, Form()] = "",  # noqa: A002 - as above
) -> Response:
    if not request.app.state.offers_demo:
        raise HTTPException(404)
    token = log_in_demo_staff(browser=request.state.browser, replaced=_token(request))
    return _welcome(token, next)


@router.get("/account")
def show_account(request: Request, account: MaybeAccount) -> Response:
    if account is None:
        return RedirectResponse("/log-in?next=/account", 303)
    with reading() as session:
        count = session_count(session, account.user.id)
    return page(
        request,
        "accounts/account.html",
        session_count=count,
        is_demo=account.user.email == DEMO_ADDRESS,
    )


def _require_form_token(
    request: Request, account: MaybeAccount, form_token: Annotated[str, Form()] = ""
) -> None:
    if account is not None:  # else another tab has logged out, and this one's form has expired
        require_form_token(request, form_token)


@router.post("/log-out", dependencies=[Depends(_require_form_token)])
def receive_log_out(
    account: MaybeAccount, where: Annotated[Literal["here", "everywhere"], Form()] = "here"
) -> Response:
    response = RedirectResponse("/", 303)
    if account is None:  # or the form is another site's, and the cookie was not sent along
        return response
    with writing() as session:
        if where == "everywhere":
            end_all_sessions(session, account.user.id)
        else:
            end_session(session, account.token)
    delete_cookie(response)
    return response


def _form(
    request: Request,
    *,
    email: str = "",
    destination: str = "",
    is_wrong: bool = False,
    is_password_new: bool = False,
) -> Response:
    return page(
        request,
        "accounts/log_in.html",
        status=422 if is_wrong else 200,
        email=email,
        destination=destination if _OWN_PATH.fullmatch(destination) else "",
        is_wrong=is_wrong,
        is_password_new=is_password_new,
        offers_demo=request.app.state.offers_demo,
    )


def _welcome(token: str, destination: str) -> Response:
    is_own = _OWN_PATH.fullmatch(destination)
    response = RedirectResponse(destination if is_own else _WELCOME, 303)
    set_cookie(response, token)
    return response


def _token(request: Request) -> str | None:
    account = account_of(request)
    return account.token if account else None
