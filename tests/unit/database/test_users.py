from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from database.users import (
    User,
    add_user,
    claim_confirmation,
    confirm,
    mark_confirmation_sent,
    release_confirmation,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@pytest.fixture
def user_id(session: Session) -> uuid.UUID:
    added = add_user(session, email="Ada@Example.org", password_hash="…")
    assert added is not None
    return added


@pytest.mark.usefixtures("user_id")
def test_an_address_belongs_to_one_user_however_it_is_written(session: Session) -> None:
    assert add_user(session, email="ada@example.ORG", password_hash="…") is None


def test_one_worker_at_a_time_sends_an_email(session: Session, user_id: uuid.UUID) -> None:
    # When two workers claim it
    claims = [claim_confirmation(session, user_id, seconds=60) for _ in range(2)]

    # Expect the first to have it, until it gives it back
    assert claims == [True, False]
    release_confirmation(session, user_id)
    assert claim_confirmation(session, user_id, seconds=60)


def test_the_claim_of_a_worker_that_died_runs_out(session: Session, user_id: uuid.UUID) -> None:
    claim_confirmation(session, user_id, seconds=-1)
    assert claim_confirmation(session, user_id, seconds=60)


def test_an_email_that_was_sent_is_never_claimed_again(
    session: Session, user_id: uuid.UUID
) -> None:
    mark_confirmation_sent(session, user_id)
    assert not claim_confirmation(session, user_id, seconds=60)


def test_confirming_twice_keeps_the_first_time(session: Session, user_id: uuid.UUID) -> None:
    assert confirm(session, user_id)
    first = session.get_one(User, user_id).confirmed_at
    assert confirm(session, user_id)
    session.expire_all()
    assert session.get_one(User, user_id).confirmed_at == first is not None


def test_nobody_can_be_confirmed_who_did_not_sign_up(session: Session) -> None:
    assert not confirm(session, uuid.uuid4())
