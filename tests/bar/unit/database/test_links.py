from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from database.base import utc_now
from database.links import (
    KEPT,
    MAX_EMAILS_PER_HOUR,
    Link,
    Purpose,
    add_link,
    claim_link,
    mark_link_sent,
    release_link,
    use_link,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ADDRESS = "ada@example.org"


def sign_up(session: Session, password_hash: str = "…") -> uuid.UUID:  # noqa: S107
    added = add_link(session, Purpose.CONFIRM, ADDRESS, password_hash)
    assert added is not None
    return added


@pytest.fixture
def link_id(session: Session) -> uuid.UUID:
    return sign_up(session)


def test_one_worker_at_a_time_sends_an_email(session: Session, link_id: uuid.UUID) -> None:
    # When two workers claim it
    claims = [claim_link(session, link_id, seconds=60) for _ in range(2)]

    # Expect the first to have it, until it gives it back
    assert claims == [True, False]
    release_link(session, link_id)
    assert claim_link(session, link_id, seconds=60)


def test_the_claim_of_a_worker_that_died_runs_out(session: Session, link_id: uuid.UUID) -> None:
    claim_link(session, link_id, seconds=-1)
    assert claim_link(session, link_id, seconds=60)


def test_an_email_that_was_sent_is_never_claimed_again(
    session: Session, link_id: uuid.UUID
) -> None:
    mark_link_sent(session, link_id)
    assert not claim_link(session, link_id, seconds=60)


def test_a_link_is_used_once_and_stands_for_its_own_password(session: Session) -> None:
    # Given somebody who signed up with another's address, and then its owner
    somebodys, owners = sign_up(session, "somebody's"), sign_up(session, "owner's")
    # When the owner uses the link of their own sign-up
    used = use_link(session, owners, Purpose.CONFIRM)
    # Expect that password, and no other link of the address to be good any more
    assert used is not None
    assert used.password_hash == "owner's"  # noqa: S105
    assert use_link(session, owners, Purpose.CONFIRM) is None
    assert use_link(session, somebodys, Purpose.CONFIRM) is None


def test_a_link_is_good_for_its_own_purpose(session: Session, link_id: uuid.UUID) -> None:
    assert use_link(session, link_id, Purpose.RESET) is None
    assert use_link(session, link_id, Purpose.CONFIRM) is not None


def test_nobody_can_use_a_link_that_was_never_made(session: Session) -> None:
    assert use_link(session, uuid.uuid4(), Purpose.CONFIRM) is None


def test_one_mailbox_is_not_flooded(session: Session) -> None:
    # Given as many sign-ups as an address may have in an hour
    for _ in range(MAX_EMAILS_PER_HOUR):
        sign_up(session)
    # Expect no more, however it is written, until some time has passed
    assert add_link(session, Purpose.CONFIRM, ADDRESS.upper()) is None
    assert add_link(session, Purpose.RESET, ADDRESS) is not None
    session.execute(update(Link).values(created_at=utc_now() - dt.timedelta(minutes=61)))
    assert add_link(session, Purpose.CONFIRM, ADDRESS) is not None


def test_a_link_is_kept_for_a_while_and_then_forgotten(session: Session) -> None:
    link_id = sign_up(session)
    for age, is_kept in ((KEPT - dt.timedelta(hours=1), True), (KEPT, False)):
        session.execute(update(Link).values(created_at=utc_now() - age))
        add_link(session, Purpose.CONFIRM, "eve@example.org")
        session.expire_all()
        assert (session.get(Link, link_id) is not None) is is_kept
