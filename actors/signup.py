"""Queue ``email``: the confirmation e-mail of a sign-up. Mail servers are slow at times."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

import dramatiq

from actors.confirmation import confirmation_email
from actors.mailer import MailRefused, mailer
from database.engine import writing
from database.users import (
    User,
    claim_confirmation,
    mark_confirmation_sent,
    release_confirmation,
)

if TYPE_CHECKING:
    from email.message import EmailMessage

#: About two hours of attempts: 5 s, 10 s, 20 s … and then one every ten minutes.
MAX_RETRIES = 18
MIN_BACKOFF_MS = 5_000
MAX_BACKOFF_MS = 600_000

#: How long one attempt may take. A worker that died while it sent keeps the others from sending
#: for as long, since nobody knows whether the e-mail is out.
TIME_LIMIT_MS = 90_000


@dramatiq.actor(
    queue_name="email",
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
    time_limit=TIME_LIMIT_MS,
    throws=MailRefused,
)
def send_confirmation_email(user_id: str) -> None:
    """Send a user the link that confirms the address, unless that was done before."""
    user = _claim(uuid.UUID(user_id))
    if user is None:
        return
    try:
        _deliver(confirmation_email(user.id, user.email))
    except BaseException:
        with writing() as session:
            release_confirmation(session, user.id)
        raise
    with writing() as session:
        mark_confirmation_sent(session, user.id)


def _claim(user_id: uuid.UUID) -> User | None:
    """The user whom this worker alone is to write to now; None when the e-mail is sent."""
    with writing() as session:
        user = session.get_one(User, user_id)
        if user.confirmation_sent_at is not None:
            return None
        if not claim_confirmation(session, user_id, seconds=TIME_LIMIT_MS / 1000):
            raise dramatiq.Retry("Another worker is sending this e-mail.", delay=TIME_LIMIT_MS)
        return user


def _deliver(message: EmailMessage) -> None:
    logger = logging.getLogger("bar.email")
    try:
        where = mailer().deliver(message)
    except MailRefused as refusal:
        # Dramatiq does not say why it gives up, when it is told to by `throws`.
        logger.error("Refused: e-mail %s: %s", message["Message-ID"], refusal)  # noqa: TRY400
        raise
    logger.info("Sent: e-mail %s to %s", message["Message-ID"], where)
