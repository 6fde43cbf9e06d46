"""Accounts in the JSON API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from database.base import utc_now
from database.engine import writing
from database.sessions import SESSION_TTL, end_session
from web.accounts.credentials import MAX_PASSWORD_LENGTH, Credentials
from web.accounts.links import sign_up
from web.accounts.logging_in import log_in
from web.api_schemas import BEARER, problems
from web.outgoing import OutgoingDependency
from web.rate_limit import ATTEMPT_LIMIT, count_log_in
from web.sessions import LoggedIn

router = APIRouter(prefix="/api", tags=["Accounts"])


class Accepted(BaseModel):
    detail: str


class LogIn(BaseModel):
    """What one logs in with."""

    email: Annotated[str, Field(max_length=254, examples=["ada@example.org"])]
    password: Annotated[
        str, Field(max_length=MAX_PASSWORD_LENGTH, json_schema_extra={"format": "password"})
    ]


class NewSession(BaseModel):
    """Send the token as `Authorization: Bearer …`."""

    token: str
    expires_at: dt.datetime


@router.post(
    "/sign-ups", status_code=202, dependencies=[ATTEMPT_LIMIT], responses=problems(400, 413, 429)
)
def post_sign_up(credentials: Credentials, outgoing: OutgoingDependency) -> Accepted:
    """Sign up. The answer is the same whether the address is new or not."""
    sign_up(credentials, outgoing)
    return Accepted(detail="An e-mail with a link is on its way, unless many were sent already.")


@router.post(
    "/sessions",
    status_code=201,
    dependencies=[ATTEMPT_LIMIT],
    responses=problems(400, 401, 413, 429),
)
def post_session(given: LogIn) -> NewSession:
    """Log in."""
    count_log_in(given.email)
    token = log_in(given.email, given.password)
    if token is None:
        raise HTTPException(
            401, "This address and this password do not belong together, or are not confirmed."
        )
    return NewSession(token=token, expires_at=utc_now() + SESSION_TTL)


@router.delete(
    "/sessions/this", status_code=204, responses=problems(401, 429), dependencies=[BEARER]
)
def delete_session(account: LoggedIn) -> None:
    """Log out: the token is good for nothing any more."""
    with writing() as session:
        end_session(session, account.token)
