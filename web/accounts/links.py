"""Asking for links by e-mail, and using them.

Every address is answered alike and after the same work, whether it has an account or not: a row
and a message. The worker finds out whether there is somebody to write to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.email import send_confirmation_email, send_password_reset_email
from barback.i18n import language
from database.engine import reading, writing
from database.links import Link, Purpose, add_link, use_link
from database.sessions import end_all_sessions
from database.users import add_user, find_user, set_password
from web.accounts.credentials import hash_password

if TYPE_CHECKING:
    import uuid

    from web.accounts.credentials import Credentials
    from web.outgoing import Outgoing


def sign_up(credentials: Credentials, outgoing: Outgoing) -> None:
    """Have a link sent that makes an account with this address and this password."""
    password_hash = hash_password(credentials.password)
    with outgoing.transaction() as session:
        link_id = add_link(session, Purpose.CONFIRM, credentials.email, password_hash)
        if link_id is not None:
            outgoing.send(session, send_confirmation_email.message(str(link_id), language().code))


def confirm(link_id: uuid.UUID) -> bool:
    """Make the account of a sign-up; return False when the link is used up."""
    with writing() as session:
        link = use_link(session, link_id, Purpose.CONFIRM)
        if link is None or link.password_hash is None:
            return False
        user_id = add_user(session, email=link.email, password_hash=link.password_hash)
        return user_id is not None


def ask_for_new_password(email: str, outgoing: Outgoing) -> None:
    """Have a link sent with which a new password is chosen."""
    with outgoing.transaction() as session:
        link_id = add_link(session, Purpose.RESET, email)
        if link_id is not None:
            outgoing.send(session, send_password_reset_email.message(str(link_id), language().code))


def address_of_reset(link_id: uuid.UUID) -> str | None:
    """Whose password a link can change; None when the link is used up."""
    with reading() as session:
        link = session.get(Link, link_id)
        return link.email if link is not None and link.purpose is Purpose.RESET else None


def change_password(link_id: uuid.UUID, password: str) -> bool:
    """Set a password and end all sessions; return False when the link is used up."""
    password_hash = hash_password(password)
    with writing() as session:
        link = use_link(session, link_id, Purpose.RESET)
        user = find_user(session, link.email) if link else None
        if user is None:
            return False
        set_password(session, user.id, password_hash)
        end_all_sessions(session, user.id)
        return True
