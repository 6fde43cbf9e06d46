from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

from database.base import utc_now
from database.sessions import (
    LogInSession,
    end_all_sessions,
    end_session,
    open_session,
    session_count,
    user_of_session,
)
from database.users import add_user

if TYPE_CHECKING:
    import uuid

    from sqlalchemy.orm import Session


@pytest.fixture
def user_id(session: Session) -> uuid.UUID:
    added = add_user(session, email="ada@example.org", password_hash="…")
    assert added is not None
    return added


def test_a_session_is_found_by_its_token_until_it_ends(
    session: Session, user_id: uuid.UUID
) -> None:
    token, other = open_session(session, user_id), open_session(session, user_id)
    found = user_of_session(session, token)
    assert found is not None
    assert found.id == user_id
    end_session(session, token)
    assert user_of_session(session, token) is None
    assert user_of_session(session, other) is not None
    assert user_of_session(session, "forged") is None


def test_the_token_is_not_in_the_table(session: Session, user_id: uuid.UUID) -> None:
    token = open_session(session, user_id)
    session.flush()
    assert session.scalars(select(LogInSession.id)).one() != token


def test_all_sessions_of_a_user_end_at_once(session: Session, user_id: uuid.UUID) -> None:
    tokens = [open_session(session, user_id) for _ in range(3)]
    assert session_count(session, user_id) == 3
    end_all_sessions(session, user_id)
    assert [user_of_session(session, token) for token in tokens] == [None] * 3


def test_a_session_expires_and_is_swept_away_by_the_next(
    session: Session, user_id: uuid.UUID
) -> None:
    token = open_session(session, user_id)
    session.flush()
    session.execute(update(LogInSession).values(expires_at=utc_now() - dt.timedelta(seconds=1)))
    assert user_of_session(session, token) is None
    open_session(session, user_id)
    session.flush()
    assert session.scalar(select(func.count()).select_from(LogInSession)) == 1
