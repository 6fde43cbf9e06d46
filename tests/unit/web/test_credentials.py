from __future__ import annotations

import contextlib

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from web.credentials import MAX_PASSWORD_LENGTH, Credentials, hash_password

GOOD = "four plain english words"


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.org", "a b@example.org", "a@b"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError, match="email"):
        Credentials(email=email, password=GOOD)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 10 characters"),
        ("1234567890", "lists that attackers try first"),
        ("QwertyUiop", "lists that attackers try first"),
        ("x" * (MAX_PASSWORD_LENGTH + 1), "at most"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Credentials(email="ada@example.org", password=password)


@given(st.text(), st.text())
def test_any_text_is_taken_or_refused_and_nothing_breaks(email: str, password: str) -> None:
    with contextlib.suppress(ValidationError):
        assert Credentials(email=email, password=password).password == password


def test_a_password_is_kept_as_an_argon2_hash() -> None:
    hashed = hash_password(GOOD)
    assert hashed.startswith("$argon2id$")
    assert argon2.PasswordHasher().verify(hashed, GOOD)
    assert GOOD not in hashed
