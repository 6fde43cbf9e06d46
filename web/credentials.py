"""Which addresses and passwords are taken, and how passwords are kept."""

from __future__ import annotations

import os
import threading
from typing import Annotated

from argon2 import PasswordHasher
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 200

_COMMON_PASSWORDS = frozenset(FREQUENCY_LISTS["passwords"])

# OWASP's recommendation: 19 MiB, two passes, one lane; about 20 ms.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

#: More hashes at once than cores would only make all of them late.
_hashing = threading.BoundedSemaphore(os.cpu_count() or 1)


def _check_email(email: str) -> str:
    try:
        return validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise PydanticCustomError("email", "{reason}", {"reason": str(error)}) from None


def _check_password(password: str) -> str:
    if len(password) < MIN_PASSWORD_LENGTH:
        raise PydanticCustomError(
            "password_too_short",
            "A password has at least {length} characters; a few words are easy to remember.",
            {"length": MIN_PASSWORD_LENGTH},
        )
    if password.lower() in _COMMON_PASSWORDS:
        raise PydanticCustomError(
            "password_too_common",
            "This password is on the lists that attackers try first. Please choose another one.",
        )
    return password


class Credentials(BaseModel):
    """What one signs up with."""

    email: Annotated[
        str,
        AfterValidator(_check_email),
        Field(max_length=254, examples=["ada@example.org"], json_schema_extra={"format": "email"}),
    ]
    password: Annotated[
        str,
        AfterValidator(_check_password),
        Field(
            max_length=MAX_PASSWORD_LENGTH,
            examples=["a few plain words"],
            json_schema_extra={"format": "password", "minLength": MIN_PASSWORD_LENGTH},
        ),
    ]


def hash_password(password: str) -> str:
    with _hashing:
        return _hasher.hash(password)
