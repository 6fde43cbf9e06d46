"""The e-mails about accounts.

Each is made from the link that it is about, in the language that is spoken now. Made twice it has
the same Message-ID: mail servers tell it apart. All of them raise InvalidAddress when nobody can be
written to at the address.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from barback.i18n import language
from email_addresses import parse_address, parse_mailbox
from mail.links import (
    CONFIRMATION_TTL_SECONDS,
    RESET_TTL_SECONDS,
    confirmation_url,
    reset_url,
)
from settings import settings
from translations import catalogue
from translations import gettext as _

if TYPE_CHECKING:
    import uuid

_templates = Environment(
    loader=PackageLoader("mail"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)
catalogue.install(_templates)


def confirmation_email(link_id: uuid.UUID, address: str) -> EmailMessage:
    """To somebody who signed up."""
    return _email(
        "confirmation",
        address,
        f"confirm-{link_id}",
        subject=_("Please confirm your e-mail address"),
        link=confirmation_url(link_id),
        days=CONFIRMATION_TTL_SECONDS // 86_400,
    )


def known_address_email(link_id: uuid.UUID, address: str) -> EmailMessage:
    """To somebody who signed up with an address that has an account."""
    return _email(
        "known_address",
        address,
        f"known-{link_id}",
        subject=_("You have an account at the bar"),
        link=f"{settings.public_url}/log-in",
    )


def reset_email(link_id: uuid.UUID, address: str) -> EmailMessage:
    """To somebody who wants to choose a new password."""
    return _email(
        "password_reset",
        address,
        f"reset-{link_id}",
        subject=_("Choose a new password"),
        link=reset_url(link_id),
        minutes=RESET_TTL_SECONDS // 60,
    )


def _email(
    template: str, address: str, message_id: str, *, subject: str, **values: object
) -> EmailMessage:
    sender = parse_mailbox(settings.mail_from)
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = sender
    message["To"] = parse_address(address)
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    values["subject"] = subject
    message["Content-Language"] = language().tag
    # Not the other encodings: they break links into two lines, for those who read it in a file.
    text = _templates.get_template(f"{template}.txt").render(values)
    message.set_content(text, cte=_encoding(text))
    html = _templates.get_template(f"{template}.html").render(values)
    message.add_alternative(html, subtype="html", cte=_encoding(html))
    return message


def _encoding(text: str) -> str:
    return "7bit" if text.isascii() else "8bit"
