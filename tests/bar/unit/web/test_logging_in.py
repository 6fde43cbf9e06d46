"""Logging in, at an unlucky moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.engine import writing
from database.sessions import end_all_sessions
from database.users import add_user, set_password
from web.accounts import logging_in
from web.accounts.credentials import hash_password, is_password
from web.accounts.logging_in import log_in

if TYPE_CHECKING:
    import pytest

PASSWORD = "four plain english words"  # noqa: S105


def test_an_old_password_opens_no_session_once_there_is_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given somebody who chooses a new password in the moment in which the old one is checked
    with writing() as session:
        user_id = add_user(session, email="ada@example.org", password_hash=hash_password(PASSWORD))
        assert user_id is not None

    def is_password_until_now(password: str, password_hash: str) -> bool:
        is_right = is_password(password, password_hash)
        with writing() as session:
            set_password(session, user_id, hash_password("five other plain english words"))
            end_all_sessions(session, user_id)
        return is_right

    assert log_in("ada@example.org", PASSWORD) is not None
    monkeypatch.setattr(logging_in, "is_password", is_password_until_now)

    # Expect that the old one has come too late
    assert log_in("ada@example.org", PASSWORD) is None
