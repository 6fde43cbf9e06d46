"""Confirmation e-mails, by real workers and a mail server with moods."""

from __future__ import annotations

import sqlite3
import uuid
from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback import RedisBroker
from tests.support.polling import eventually
from tests.support.website import start_mail_server, start_website

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter, TestProcess
    from tests.support.website import MailServer

pytestmark = pytest.mark.slow


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    broker = RedisBroker(url=redis_url)
    yield broker
    broker.close()


def start_worker(start: ProcessStarter, mail_server: MailServer) -> TestProcess:
    command = ["dramatiq", "actors", "-Q", "email", "--processes", "1", "--threads", "4"]
    return start(command, SMTP_URL=mail_server.url)


def link_id(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "data" / "bar.db") as database:
        [(found,)] = database.execute("SELECT id FROM links").fetchall()
    database.close()
    return str(uuid.UUID(found))


def test_a_message_that_is_delivered_several_times_sends_one_email(
    start: ProcessStarter, tmp_path: Path, broker: RedisBroker
) -> None:
    # Given a sign-up whose message is in the queue five times
    assert start_website(start).sign_up("ada@example.org").status_code == 202
    eventually(lambda: broker.queue_length("email") == 1)
    for _ in range(4):
        broker.enqueue(
            dramatiq.Message(
                queue_name="email",
                actor_name="send_confirmation_email",
                args=(link_id(tmp_path),),
                kwargs={},
                options={},
            )
        )

    # When a worker with several threads takes them all at once, and the mail server is slow
    mail_server = start_mail_server(start, tmp_path / "mails", "--delay-seconds", "1")
    worker = start_worker(start, mail_server)
    eventually(mail_server.accepted, timeout_seconds=30)
    worker.stop()

    # Expect one e-mail
    assert len(mail_server.accepted()) == 1


def test_an_email_is_sent_when_the_mail_server_is_in_a_better_mood(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given a mail server that fails at first
    website = start_website(start)
    mail_server = start_mail_server(start, tmp_path / "mails", "--reply", "451 later, please")
    worker = start_worker(start, mail_server)

    # When somebody signs up
    website.sign_up("ada@example.org")

    # Expect the e-mail at the second attempt, and a line about the first
    [mail] = eventually(mail_server.accepted, timeout_seconds=40)
    assert mail["to"] == ["ada@example.org"]
    assert "later, please" in worker.output
    assert "Traceback" not in worker.output


def test_an_email_that_is_refused_for_good_becomes_a_dead_letter(
    start: ProcessStarter, tmp_path: Path, broker: RedisBroker
) -> None:
    # Given a mail server that knows no such mailbox
    website = start_website(start)
    options = ["--reply", "550 no such mailbox", "--bad-replies", "9"]
    mail_server = start_mail_server(start, tmp_path / "mails", *options)
    worker = start_worker(start, mail_server)

    # When somebody signs up
    website.sign_up("ada@example.org")

    # Expect one attempt, and a dead letter to look at
    dead = f"{broker.namespace}:email.XQ"
    eventually(lambda: broker.client.zcard(dead) == 1, complaint=lambda: worker.output)
    worker.wait_for_output("no such mailbox")
