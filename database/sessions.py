"""Who is logged in. A session ends when its row is deleted, wherever its cookie is."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid

from sqlalchemy import ForeignKey, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from database.base import Base, utc_now
from database.users import User

SESSION_TTL = dt.timedelta(days=30)


class LogInSession(Base):
    __tablename__ = "sessions"

    #: A hash of the token: who reads the table can log in as nobody.
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(User.id), index=True)
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


def open_session(session: Session, user_id: uuid.UUID) -> str:
    """Log a user in; return the token, which is not kept."""
    now, token = utc_now(), secrets.token_urlsafe(32)
    session.execute(delete(LogInSession).where(LogInSession.expires_at < now))
    session.add(
        LogInSession(
            id=session_id(token), user_id=user_id, created_at=now, expires_at=now + SESSION_TTL
        )
    )
    return token


def user_of_session(session: Session, token: str) -> User | None:
    query = (
        select(User)
        .join(LogInSession)
        .where(LogInSession.id == session_id(token), LogInSession.expires_at > utc_now())
    )
    return session.scalars(query).one_or_none()


def session_count(session: Session, user_id: uuid.UUID) -> int:
    query = select(func.count()).where(
        LogInSession.user_id == user_id, LogInSession.expires_at > utc_now()
    )
    return session.scalar(query) or 0


def end_session(session: Session, token: str) -> None:
    session.execute(delete(LogInSession).where(LogInSession.id == session_id(token)))


def end_all_sessions(session: Session, user_id: uuid.UUID) -> None:
    session.execute(delete(LogInSession).where(LogInSession.user_id == user_id))


def session_id(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
