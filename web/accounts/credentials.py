"""Which addresses and passwords are taken, and how passwords are kept."""

from __future__ import annotations

import os
import re
import secrets
import threading
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import AfterValidator, BaseModel, Field, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails, PydanticCustomError
from zxcvbn import matching, zxcvbn

from email_addresses import InvalidAddress, parse_address
from translations import gettext as _

MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 200

#: Passwords that fewer than a hundred million guesses find are refused: zxcvbn calls them 0 and 1.
MIN_SCORE = 2

#: How much of a password is rated. That takes the longer, the longer it is.
MAX_RATED_LENGTH = 32

# zxcvbn tries every combination of what symbols may stand for: with its own table 64 well-chosen
# characters take it half a minute, in which the whole website stands still.
matching.L33T_TABLE.clear()
matching.L33T_TABLE.update(
    {"a": ["4", "@"], "e": ["3"], "i": ["1", "!"], "o": ["0"], "s": ["$", "5"], "t": ["7"]}
)

# OWASP's recommendation: 19 MiB, two passes, one lane; about 20 ms.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

#: More hashes at once than cores would only make all of them late.
_hashing = threading.BoundedSemaphore(os.cpu_count() or 1)


def _check_email(email: str) -> str:
    try:
        return parse_address(email).addr_spec
    except InvalidAddress as error:
        raise PydanticCustomError("email", "{reason}", {"reason": str(error)}) from None


def _check_password(password: str, info: ValidationInfo) -> str:
    if len(password) < MIN_PASSWORD_LENGTH:
        raise PydanticCustomError(
            "password_too_short",
            _(
                "A password has at least %(length)s characters; a few words are easy to remember.",
                length=MIN_PASSWORD_LENGTH,
            ),
        )
    if not password.isprintable():
        raise PydanticCustomError(
            "password_not_printable", _("A password consists of characters that can be seen.")
        )
    if _guessability(password, info.data.get("email", "")) < MIN_SCORE:
        raise PydanticCustomError(
            "password_too_weak",
            _("This password is among those that attackers try first. Please choose another one."),
        )
    return password


def _guessability(password: str, email: str) -> int:
    """From 0, tried among the first thousand, to 4, never guessed."""
    known = [email, *email.split("@"), *re.split(r"\W+", email)]
    rating = zxcvbn(
        password[:MAX_RATED_LENGTH],
        # As long as what is compared with it: most addresses of firms are longer than that.
        user_inputs=[part[:MAX_RATED_LENGTH] for part in known],
    )
    score: int = rating["score"]
    return score


#: An address that could have an account.
Email = Annotated[
    str,
    Field(max_length=254, examples=["ada@example.org"], json_schema_extra={"format": "email"}),
    AfterValidator(_check_email),
]


class Address(BaseModel):
    """Where a link is to be sent."""

    email: Email


class Credentials(Address):
    """What one signs up with."""

    password: Annotated[
        str,
        Field(
            max_length=MAX_PASSWORD_LENGTH,
            examples=["a few plain words"],
            json_schema_extra={"format": "password", "minLength": MIN_PASSWORD_LENGTH},
        ),
        AfterValidator(_check_password),
    ]


def problems_of(error: ValidationError) -> dict[str, str]:
    """What is wrong with each field of a form."""
    return {str(problem["loc"][0]): _words(problem) for problem in error.errors()}


def _words(problem: ErrorDetails) -> str:
    if problem["type"] == "string_too_long":  # pydantic's own words are English
        most = problem["ctx"]["max_length"]
        return _("That is too long: %(count)s characters at the most.", count=most)
    return problem["msg"]


#: The hash of a password that nobody knows.
NO_PASSWORD = _hasher.hash(secrets.token_hex())


def is_password(password: str, password_hash: str) -> bool:
    with _hashing:
        try:
            return _hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError, UnicodeError):
            return False


def hash_password(password: str) -> str:
    with _hashing:
        return _hasher.hash(password)
