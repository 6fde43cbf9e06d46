"""The e-mail of a sign-up: sent once, whatever fails when it is out."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import OperationalError

import actors.email as email_module
from actors.email import TIME_LIMIT_MS, send_confirmation_email, send_password_reset_email
from database.engine import reading, writing
from database.links import Link, Purpose, add_link, mark_link_sent
from database.users import add_user
from mail.mailer import MAX_DELIVERY_SECONDS

if TYPE_CHECKING:
    from email.message import EmailMessage

    from sqlalchemy.orm import Session


class Outbox:
    """A mail server that accepts everything."""

    def __init__(self) -> None:
        self.accepted: list[EmailMessage] = []

    def deliver(self, message: EmailMessage) -> str:
        self.accepted.append(message)
        return "here"


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> Outbox:
    outbox = Outbox()
    monkeypatch.setattr(email_module, "mailer", lambda: outbox)
    return outbox


def test_an_email_that_is_out_is_not_sent_again_because_the_database_fails(
    monkeypatch: pytest.MonkeyPatch, outbox: Outbox
) -> None:
    # Given a database that fails twice, once the e-mail is out
    failures = iter(range(2))

    def fail_twice(session: Session, link_id: uuid.UUID) -> None:
        if next(failures, None) is not None:
            raise OperationalError("UPDATE", None, Exception("database is locked"))
        mark_link_sent(session, link_id)

    monkeypatch.setattr(email_module, "mark_link_sent", fail_twice)
    monkeypatch.setattr(email_module, "NOTING_PAUSE_SECONDS", 0)
    with writing() as session:
        link_id = add_link(session, Purpose.CONFIRM, "ada@example.org", password_hash="x")
    # When it is sent, and its message comes again
    for _ in range(2):
        send_confirmation_email(str(link_id))
    # Expect one e-mail, and a note of it
    assert len(outbox.accepted) == 1
    with reading() as session:
        assert session.get_one(Link, link_id).sent_at is not None


def test_nothing_interrupts_a_delivery_that_takes_as_long_as_it_may() -> None:
    assert TIME_LIMIT_MS / 1000 > MAX_DELIVERY_SECONDS


def test_who_signs_up_with_an_address_that_has_an_account_is_told_so_by_email(
    outbox: Outbox,
) -> None:
    with writing() as session:
        add_user(session, email="ada@example.org", password_hash="x")
        link_id = add_link(session, Purpose.CONFIRM, "Ada@example.org", password_hash="y")
    send_confirmation_email(str(link_id))
    [message] = outbox.accepted
    assert "have an account" in message["Subject"]
    assert "/confirm/" not in message.as_string()


@pytest.mark.parametrize("has_account", [True, False])
def test_a_new_password_is_for_those_who_have_an_account(
    outbox: Outbox, *, has_account: bool
) -> None:
    with writing() as session:
        if has_account:
            add_user(session, email="ada@example.org", password_hash="x")
        link_id = add_link(session, Purpose.RESET, "ada@example.org")
    send_password_reset_email(str(link_id))
    assert len(outbox.accepted) == has_account


def test_a_link_that_was_used_up_is_not_sent(outbox: Outbox) -> None:
    send_confirmation_email(str(uuid.uuid4()))
    assert outbox.accepted == []
