"""Logging in and out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from database.engine import reading, writing
from database.orders import give_orders
from database.sessions import end_session, open_session
from database.standing_orders import give_standing_orders
from database.users import User, add_user, find_user, set_staff, still_has_password
from email_addresses import InvalidAddress, parse_address
from web.accounts.credentials import NO_PASSWORD, is_password
from web.sessions import DEMO_ADDRESS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def log_in(
    email: str, password: str, *, browser: str | None = None, replaced: str | None = None
) -> str | None:
    """Open a session; return its token, or None when address and password do not belong together.

    Parameters:
      browser: Whose orders become the account's.
      replaced: The token of a session that ends.
    """
    user = _find_user(email, password)
    if user is None:
        return None
    with writing() as session:
        # While the old password was hashed, a new one may have ended all sessions.
        if not still_has_password(session, user):
            return None
        return _log_in(session, user, browser, replaced)


def _find_user(email: str, password: str) -> User | None:
    """The user with this address and password. An address without an account takes as long."""
    user = None
    with contextlib.suppress(InvalidAddress), reading() as session:
        user = find_user(session, parse_address(email.strip()).addr_spec)
    is_right = is_password(password, user.password_hash if user else NO_PASSWORD)
    return user if is_right else None


def log_in_demo_staff(*, browser: str, replaced: str | None) -> str:
    """As ``log_in``, with an account for the demo that has no password."""
    with writing() as session:
        add_user(session, email=DEMO_ADDRESS, password_hash=NO_PASSWORD)
        set_staff(session, DEMO_ADDRESS, is_staff=True)
        user = find_user(session, DEMO_ADDRESS)
        assert user is not None  # noqa: S101 - added above
        return _log_in(session, user, browser, replaced)


def _log_in(session: Session, user: User, browser: str | None, replaced: str | None) -> str:
    if replaced is not None:
        end_session(session, replaced)
    if browser is not None:
        give_orders(session, giver=browser, taker=user.visitor)
        give_standing_orders(session, giver=browser, taker=user.visitor)
    return open_session(session, user.id)
