"""Links that are e-mailed: to confirm an address, and to choose a new password.

A sign-up is such a link and nothing more until its address is confirmed: whoever signs up with
another's address gets no account, and each link stands for the password of its own sign-up.

An e-mail is sent at least once in theory and once in practice: a worker claims it before it talks
to the mail server, and marks it sent afterwards. A second run of the same message finds the claim
or the mark. Only a worker that dies between the mail server's "250 OK" and the mark sends again,
once the claim has run out.
"""

from __future__ import annotations

import datetime as dt
import enum
import uuid

from sqlalchemy import Index, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, changed_rows, take_turn, text_enum, utc_now

#: How many e-mails of a kind go to one address in an hour, whoever asks for them.
MAX_EMAILS_PER_HOUR = 5

#: How long links are kept, which is longer than they are good for.
KEPT = dt.timedelta(days=7)


class Purpose(enum.StrEnum):
    CONFIRM = "confirm"
    RESET = "reset"


class Link(Base):
    __tablename__ = "links"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    purpose: Mapped[Purpose] = mapped_column(text_enum(Purpose))
    #: In lower case. Whether it has an account is found out by the worker that sends the e-mail.
    email: Mapped[str]
    #: What a sign-up chose; it becomes the account's when the link is used.
    password_hash: Mapped[str | None]
    created_at: Mapped[dt.datetime] = mapped_column(default=utc_now, index=True)
    sent_at: Mapped[dt.datetime | None]
    claimed_until: Mapped[dt.datetime | None]

    __table_args__ = (Index(None, "email", "created_at"),)


def add_link(
    session: Session, purpose: Purpose, email: str, password_hash: str | None = None
) -> uuid.UUID | None:
    """Add a link to be sent; None when the address has been sent enough of them lately."""
    now, email = utc_now(), email.lower()
    take_turn(session, f"links of {email}")
    session.execute(delete(Link).where(Link.created_at < now - KEPT))
    recent = select(func.count()).where(
        Link.email == email,
        Link.purpose == purpose,
        Link.created_at > now - dt.timedelta(hours=1),
    )
    if (session.scalar(recent) or 0) >= MAX_EMAILS_PER_HOUR:
        return None
    link = Link(purpose=purpose, email=email, password_hash=password_hash)
    session.add(link)
    session.flush()
    return link.id


def use_link(session: Session, link_id: uuid.UUID, purpose: Purpose) -> Link | None:
    """Use a link up, and with it all others of its kind that its address has.

    Returns:
      None when it is used up already.
    """
    link = session.get(Link, link_id)
    if link is None or link.purpose is not purpose:
        return None
    # Of two who use it at the same moment, one deletes it; all at once, so that two who use two of
    # an address do not each wait for what the other has deleted.
    same = delete(Link).where(Link.email == link.email, Link.purpose == purpose)
    ids = session.scalars(
        same.returning(Link.id).execution_options(synchronize_session=False)
    ).all()
    return link if link_id in ids else None


def claim_link(session: Session, link_id: uuid.UUID, *, seconds: float) -> bool:
    """Claim the sending of an e-mail for a while, unless it is sent or claimed."""
    now = utc_now()
    claim = (
        update(Link)
        .where(
            Link.id == link_id,
            Link.sent_at.is_(None),
            Link.claimed_until.is_(None) | (Link.claimed_until < now),
        )
        .values(claimed_until=now + dt.timedelta(seconds=seconds))
    )
    return changed_rows(session, claim) == 1


def release_link(session: Session, link_id: uuid.UUID) -> None:
    """Give the claim back, since the e-mail could not be sent."""
    session.execute(update(Link).where(Link.id == link_id).values(claimed_until=None))


def mark_link_sent(session: Session, link_id: uuid.UUID) -> None:
    session.execute(update(Link).where(Link.id == link_id).values(sent_at=utc_now()))
