"""Accounts: who has confirmed an e-mail address. Until then there is a link alone: ``links``."""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, changed_rows, insert_new, utc_now


class User(Base):
    __tablename__ = "users"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    #: In lower case: people do not expect Ada@example.org and ada@example.org to be two.
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    #: Staff see the reports.
    is_staff: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime]

    @property
    def visitor(self) -> str:
        """As whom the account orders. The ids in visitors' cookies have no colon."""
        return f"account:{self.id.hex}"


def add_user(session: Session, *, email: str, password_hash: str) -> uuid.UUID | None:
    """Add a user; return the new id, or None when the address is taken."""
    user_id = uuid.uuid4()
    added = insert_new(
        session,
        User,
        id=user_id,
        email=email.lower(),
        password_hash=password_hash,
        is_staff=False,
        created_at=utc_now(),
    )
    return user_id if added else None


def find_user(session: Session, email: str) -> User | None:
    return session.scalars(select(User).where(User.email == email.lower())).one_or_none()


def set_password(session: Session, user_id: uuid.UUID, password_hash: str) -> None:
    session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))


def still_has_password(session: Session, user: User) -> bool:
    """Whether a user's password is what it was, and stays so until the end of the transaction."""
    query = select(User.id).where(User.id == user.id, User.password_hash == user.password_hash)
    return session.scalar(query.with_for_update()) is not None


def set_staff(session: Session, email: str, *, is_staff: bool) -> bool:
    """Make somebody staff, or not any more; return False when there is no such account."""
    change = update(User).where(User.email == email.lower()).values(is_staff=is_staff)
    return changed_rows(session, change) == 1
