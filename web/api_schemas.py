"""What the JSON API's features share: problems, prices, and which drinks there are."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from pydantic import AfterValidator, BaseModel, WithJsonSchema
from pydantic_core import PydanticCustomError

from menu import DRINKS, Money


class Problem(BaseModel):
    """What is wrong."""

    detail: str


class Price(BaseModel):
    """An amount in the smallest unit of its currency: 450 EUR are 4.50 euros."""

    minor: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> Price:
        return cls(minor=money.minor, currency=money.currency)


def _check_drink(name: str) -> str:
    if name not in DRINKS:
        raise PydanticCustomError(
            "drink", "expected a drink of the menu: {drinks}", {"drinks": ", ".join(DRINKS)}
        )
    return name


#: A drink of the menu, in JSON and in forms.
DrinkName = Annotated[
    str, AfterValidator(_check_drink), WithJsonSchema({"type": "string", "enum": list(DRINKS)})
]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an operation's description says about the refusals that it may answer with."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in statuses}


_bearer = HTTPBearer(
    scheme_name="token", description="The token that logging in gives.", auto_error=False
)

#: Says in an operation's description that it needs a token. web.sessions looks at it.
BEARER = Depends(_bearer)

#: Says that it can do with or without one.
OPTIONAL_BEARER: dict[str, Any] = {"security": [{}, {"token": []}]}

_MEANINGS = {
    400: "The request cannot be read.",
    401: "There is no such session, or not this password.",
    403: "This is for the bar's staff.",
    404: "There is no such thing.",
    409: "The idempotency key belongs to an order of another drink.",
    413: "The request is too long.",
    429: "Too many requests. Try again after `Retry-After` seconds.",
    503: "Too much is going on, or the queue is away. Try again after `Retry-After` seconds, with "
    "the same key if there is one.",
}
