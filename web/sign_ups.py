"""Sign-up: the answer is there before the e-mail is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.responses import Response

from actors.signup import send_confirmation_email
from database.users import add_user
from web.credentials import MIN_PASSWORD_LENGTH, Credentials, hash_password
from web.outgoing import Outgoing, OutgoingDependency
from web.pages import page
from web.rate_limit import RATE_LIMIT
from web.visitors import FORM_TOKEN

router = APIRouter()


def sign_up(credentials: Credentials, outgoing: Outgoing) -> None:
    """Add a user and have the confirmation e-mail sent; for an address that is taken, do nothing.

    Both take the same time and look the same, so that nobody learns who has an account.
    """
    password_hash = hash_password(credentials.password)
    with outgoing.transaction() as session:
        user_id = add_user(session, email=credentials.email, password_hash=password_hash)
        if user_id is not None:
            outgoing.send(session, send_confirmation_email.message(str(user_id)))


@router.get("/sign-up")
def show_form(request: Request) -> Response:
    return _form(request, email="", problems={})


@router.post("/sign-up", dependencies=[FORM_TOKEN, RATE_LIMIT])
def receive_form(
    request: Request,
    outgoing: OutgoingDependency,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    try:
        credentials = Credentials(email=email.strip(), password=password)
    except ValidationError as error:
        problems = {str(problem["loc"][0]): problem["msg"] for problem in error.errors()}
        return _form(request, email=email, problems=problems, status=422)
    sign_up(credentials, outgoing)
    return RedirectResponse("/sign-up/done", 303)


@router.get("/sign-up/done")
def show_done(request: Request) -> Response:
    return page(request, "sign_up_done.html")


def _form(request: Request, *, email: str, problems: dict[str, str], status: int = 200) -> Response:
    return page(
        request,
        "sign_up.html",
        status=status,
        email=email,
        problems=problems,
        min_password_length=MIN_PASSWORD_LENGTH,
    )
