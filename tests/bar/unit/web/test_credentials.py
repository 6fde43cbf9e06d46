from __future__ import annotations

import contextlib
import string

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from zxcvbn import matching

from web.accounts.credentials import (
    MAX_PASSWORD_LENGTH,
    MAX_RATED_LENGTH,
    NO_PASSWORD,
    Credentials,
    hash_password,
    is_password,
    problems_of,
)

GOOD = "four plain english words"


@pytest.mark.parametrize(
    "email",
    [
        *["", "ada", "ada@", "@example.org", "a b@example.org", "a@b", "jörg@example.org"],
        # Header parsers read another mailbox in these.
        "=?utf-8?q?=6cost?=@example.org",
        "=?utf-8?q?eve=40example=2Ecom=2C?=@example.org",
        f"{'a' * 65}@example.org",
        "a\0b@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
    ],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ValidationError, match="email"):
        Credentials(email=email, password=GOOD)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "at least 10 characters"),
        ("1234567890", "attackers try first"),
        ("QwertyUiop", "attackers try first"),
        (" " * 10, "attackers try first"),
        ("a" * 10, "attackers try first"),
        ("ada@example.org", "attackers try first"),
        ("four plain\0words", "can be seen"),
        ("x" * (MAX_PASSWORD_LENGTH + 1), "at most"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Credentials(email="ada@example.org", password=password)


@pytest.mark.parametrize(
    "password",
    [
        "augusta.ada.lovelace@analytical-engine.example.org",
        "Augusta.Ada.Lovelace@Analytical-Engine.Example.org",
        "augusta.ada.lovelace@analytical-engine.example.org1",
        "augusta.ada.lovelace",
        "augusta.ada.lovelace1",
        "analytical-engine.example.org",
    ],
)
def test_neither_a_long_address_nor_a_part_of_it_is_a_password(password: str) -> None:
    address = "augusta.ada.lovelace@analytical-engine.example.org"

    with pytest.raises(ValidationError, match="attackers try first"):
        Credentials(email=address, password=password)


@given(st.text(), st.text())
def test_any_text_is_taken_or_refused_and_nothing_breaks(email: str, password: str) -> None:
    with contextlib.suppress(ValidationError):
        assert Credentials(email=email, password=password).password == password


def test_what_is_too_long_is_told_in_plain_words() -> None:
    with pytest.raises(ValidationError) as caught:
        Credentials(email="a" * 300 + "@example.org", password=GOOD)

    said = {"email": "That is too long: 254 characters at the most."}
    assert problems_of(caught.value) == said


def test_no_password_takes_long_to_rate() -> None:
    # How often zxcvbn starts anew, for a password of all the symbols that may stand for letters
    symbols = "".join(sorted(set(string.punctuation + string.digits)))
    table = matching.relevant_l33t_subtable(symbols, matching.L33T_TABLE)

    assert len(matching.enumerate_l33t_subs(table)) <= 8
    assert MAX_RATED_LENGTH <= 32


@pytest.mark.parametrize("domain", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"])
def test_one_mailbox_is_one_account_however_its_domain_is_written(domain: str) -> None:
    assert Credentials(email=f"ada@{domain}", password=GOOD).email == "ada@xn--bcher-kva.example"


def test_a_password_is_kept_as_an_argon2_hash() -> None:
    hashed = hash_password(GOOD)
    assert hashed.startswith("$argon2id$")
    assert argon2.PasswordHasher().verify(hashed, GOOD)
    assert GOOD not in hashed


@pytest.mark.parametrize("password_hash", [NO_PASSWORD, "", "no hash"], ids=["none", "", "bad"])
def test_no_password_opens_an_account_without_one(password_hash: str) -> None:
    assert not is_password(GOOD, password_hash)


def test_the_right_password_is_known_from_a_wrong_one() -> None:
    hashed = hash_password(GOOD)
    assert is_password(GOOD, hashed)
    assert not is_password(GOOD.upper(), hashed)
    assert not is_password("\ud800", hashed)
