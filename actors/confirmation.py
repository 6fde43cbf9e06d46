"""The confirmation e-mail and its link, which is signed and expires."""

from __future__ import annotations

import uuid
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

from itsdangerous import BadData, URLSafeTimedSerializer
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from settings import settings

#: How long the link can be opened, in seconds.
LINK_TTL_SECONDS = 2 * 86_400

_templates = Environment(
    loader=PackageLoader("actors"), autoescape=select_autoescape(), undefined=StrictUndefined
)


def confirmation_email(user_id: uuid.UUID, address: str) -> EmailMessage:
    """The e-mail of a user. Made twice it has the same Message-ID: mail servers tell it apart."""
    link = f"{settings.public_url}/confirm/{_serializer().dumps(user_id.hex)}"
    message = EmailMessage()
    message["Subject"] = "Please confirm your e-mail address"
    message["From"] = settings.mail_from
    message["To"] = address
    message["Date"] = formatdate()
    message["Message-ID"] = f"<confirm-{user_id}@{parseaddr(settings.mail_from)[1].split('@')[-1]}>"
    message["Auto-Submitted"] = "auto-generated"
    values = {"link": link, "days": LINK_TTL_SECONDS // 86_400}
    # 7bit: the other encodings break the link into two lines, for those who read it in a file.
    text = _templates.get_template("confirmation.txt").render(values)
    message.set_content(text, cte="7bit")
    html = _templates.get_template("confirmation.html").render(values)
    message.add_alternative(html, subtype="html", cte="7bit")
    return message


def read_token(token: str) -> uuid.UUID | None:
    """The user whom a link belongs to; None when it is forged, damaged or too old."""
    try:
        return uuid.UUID(_serializer().loads(token, max_age=LINK_TTL_SECONDS))
    except BadData:
        return None


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.web_secret, salt="confirm-email")
