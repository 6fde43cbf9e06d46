"""Queue ``email``: the links for accounts. Mail servers are slow at times."""

from __future__ import annotations

import logging
import time
import uuid
from typing import TYPE_CHECKING, Protocol

import dramatiq
from sqlalchemy.exc import SQLAlchemyError

from barback.control import Limit
from barback.i18n import ENGLISH, LANGUAGES, speaking
from barback.printable import first_line
from database.engine import writing
from database.errors import reason_of
from database.links import Link, claim_link, mark_link_sent, release_link
from database.users import find_user
from email_addresses import InvalidAddress
from mail.account_emails import confirmation_email, known_address_email, reset_email
from mail.mailer import MAX_DELIVERY_SECONDS, MailRefused, mailer

if TYPE_CHECKING:
    from email.message import EmailMessage

#: About two hours of attempts: 5 s, 10 s, 20 s … and then one every ten minutes.
MAX_RETRIES = 18
MIN_BACKOFF_MS = 5_000
MAX_BACKOFF_MS = 600_000

#: How many e-mails are delivered at a time, by all workers together: mail servers turn away who
#: opens too many connections.
MAIL_SERVER = Limit("mail server", at_once=5)

#: How long noting that an e-mail is sent is tried, when the database is away, in seconds.
NOTING_SECONDS = 60.0

NOTING_PAUSE_SECONDS = 2.0

logger = logging.getLogger("bar.email")

#: How long one attempt may take: longer than it can, so that nothing interrupts it when the e-mail
#: is out. A worker that died while it sent keeps the others from sending for as long, since nobody
#: knows whether the e-mail is out.
TIME_LIMIT_MS = int((MAX_DELIVERY_SECONDS + NOTING_SECONDS + 60) * 1000)


class Compose(Protocol):
    def __call__(self, link: Link, *, has_account: bool) -> EmailMessage | None:
        """The e-mail about a link; None when there is nobody to write to."""


@dramatiq.actor(
    queue_name="email",
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
    time_limit=TIME_LIMIT_MS,
    throws=(MailRefused, InvalidAddress),
    limit=MAIL_SERVER,
)
def send_confirmation_email(link_id: str, language: str = ENGLISH.code) -> None:
    """Send the link that confirms an address, unless that was done before."""
    with speaking(LANGUAGES.get(language, ENGLISH)):
        _send_once(uuid.UUID(link_id), _confirmation)


@dramatiq.actor(
    queue_name="email",
    max_retries=MAX_RETRIES,
    min_backoff=MIN_BACKOFF_MS,
    max_backoff=MAX_BACKOFF_MS,
    time_limit=TIME_LIMIT_MS,
    throws=(MailRefused, InvalidAddress),
    limit=MAIL_SERVER,
)
def send_password_reset_email(link_id: str, language: str = ENGLISH.code) -> None:
    """Send the link with which a new password is chosen, unless that was done before."""
    with speaking(LANGUAGES.get(language, ENGLISH)):
        _send_once(uuid.UUID(link_id), _reset)


# Whether an address has an account is found out here and not on the website, whose answers look
# the same and take the same time for all addresses.
def _confirmation(link: Link, *, has_account: bool) -> EmailMessage:
    compose = known_address_email if has_account else confirmation_email
    return compose(link.id, link.email)


def _reset(link: Link, *, has_account: bool) -> EmailMessage | None:
    return reset_email(link.id, link.email) if has_account else None


def _send_once(link_id: uuid.UUID, compose: Compose) -> None:
    claimed = _claim(link_id)
    if claimed is None:
        return
    link, has_account = claimed
    try:
        message = compose(link, has_account=has_account)
        if message is not None:
            _deliver(message)
    except BaseException:
        with writing() as session:
            release_link(session, link.id)
        raise
    _note_sent(link.id)


def _note_sent(link_id: uuid.UUID) -> None:
    """Note it, however long that takes; raise nothing, since a retry would send another e-mail."""
    deadline = time.monotonic() + NOTING_SECONDS
    while True:
        try:
            with writing() as session:
                mark_link_sent(session, link_id)
        except SQLAlchemyError as error:
            if time.monotonic() > deadline:
                logger.error("The e-mail of link %s is sent, which cannot be noted.", link_id)  # noqa: TRY400
                return
            logger.warning("Noting that an e-mail is sent waits: %s.", reason_of(error))
            time.sleep(NOTING_PAUSE_SECONDS)
        else:
            return


def _claim(link_id: uuid.UUID) -> tuple[Link, bool] | None:
    """The link that this worker alone is to send now, and whether its address has an account;
    None when it is sent, or used up.
    """
    with writing() as session:
        link = session.get(Link, link_id)
        if link is None or link.sent_at is not None:
            return None
        if not claim_link(session, link_id, seconds=TIME_LIMIT_MS / 1000):
            raise dramatiq.Retry("Another worker is sending this e-mail.", delay=TIME_LIMIT_MS)
        return link, find_user(session, link.email) is not None


def _deliver(message: EmailMessage) -> None:
    try:
        where = mailer().deliver(message)
    except MailRefused as refusal:
        # Dramatiq does not say why it gives up, when it is told to by `throws`.
        logger.error("Refused: e-mail %s: %s", message["Message-ID"], refusal)  # noqa: TRY400
        raise
    except OSError as error:  # smtplib's own errors are such
        # A line for each attempt: of errors that it does not know Dramatiq shows a traceback.
        reason = first_line(error)
        logger.warning("Not sent yet: e-mail %s: %s", message["Message-ID"], reason)
        raise dramatiq.Retry(f"the e-mail could not be handed over: {reason}") from error
    logger.info("Sent: e-mail %s to %s", message["Message-ID"], where)
