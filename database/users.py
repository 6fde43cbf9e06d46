"""Who signed up, and whether the e-mail address was confirmed.

The confirmation e-mail is sent at least once in theory and once in practice: a worker claims it
before it talks to the mail server, and marks it sent afterwards. A second run of the same message
finds the claim or the mark. Only a worker that dies between the mail server's "250 OK" and the
mark sends again, once the claim has run out.
"""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import update
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, changed_rows, insert_new, utc_now


class User(Base):
    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    #: In lower case: people do not expect Ada@example.org and ada@example.org to be two.
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    created_at: Mapped[dt.datetime]
    confirmed_at: Mapped[dt.datetime | None]
    confirmation_sent_at: Mapped[dt.datetime | None]
    confirmation_claimed_until: Mapped[dt.datetime | None]


def add_user(session: Session, *, email: str, password_hash: str) -> uuid.UUID | None:
    """Add a user; return the new id, or None when the address is taken."""
    user_id = uuid.uuid4()
    added = insert_new(
        session,
        User,
        id=user_id,
        email=email.lower(),
        password_hash=password_hash,
        created_at=utc_now(),
    )
    return user_id if added else None


def confirm(session: Session, user_id: uuid.UUID) -> bool:
    """Mark a user's address as confirmed; return False when there is no such user."""
    now = utc_now()
    session.execute(
        update(User).where(User.id == user_id, User.confirmed_at.is_(None)).values(confirmed_at=now)
    )
    return session.get(User, user_id) is not None


def claim_confirmation(session: Session, user_id: uuid.UUID, *, seconds: float) -> bool:
    """Claim the sending of a user's e-mail for a while, unless it is sent or claimed."""
    now = utc_now()
    claim = (
        update(User)
        .where(
            User.id == user_id,
            User.confirmation_sent_at.is_(None),
            User.confirmation_claimed_until.is_(None) | (User.confirmation_claimed_until < now),
        )
        .values(confirmation_claimed_until=now + dt.timedelta(seconds=seconds))
    )
    return changed_rows(session, claim) == 1


def release_confirmation(session: Session, user_id: uuid.UUID) -> None:
    """Give the claim back, since the e-mail could not be sent."""
    session.execute(update(User).where(User.id == user_id).values(confirmation_claimed_until=None))


def mark_confirmation_sent(session: Session, user_id: uuid.UUID) -> None:
    session.execute(update(User).where(User.id == user_id).values(confirmation_sent_at=utc_now()))
