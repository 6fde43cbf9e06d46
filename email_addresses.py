"""E-mail addresses: which ones are taken, and in which form.

Whatever comes in from outside becomes an :class:`email.headerregistry.Address` here, once. Its
domain is in ASCII (``xn--…``), which every mail server understands.
"""

from __future__ import annotations

from email.headerregistry import Address
from email.utils import parseaddr

from email_validator import EmailNotValidError, validate_email

from barback.i18n import ENGLISH, language
from translations import gettext as _
from translations import gettext_noop, look_up

#: What people get wrong, in the words of email_validator. It has more, and says them in English.
_COMMON = (
    gettext_noop("An email address must have an @-sign."),
    gettext_noop(
        'The email address has the "full-width" at-sign (@) character instead of a regular at-sign.'
    ),
    gettext_noop("There must be something before the @-sign."),
    gettext_noop("There must be something after the @-sign."),
    gettext_noop("The part after the @-sign is not valid. It should have a period."),
    gettext_noop("An email address cannot have two periods in a row."),
    gettext_noop("An email address cannot end with a period."),
)


class InvalidAddress(ValueError):  # noqa: N818 - it names what is wrong, as ValueError does not
    """Nobody could write to this address."""


def parse_address(text: str) -> Address:
    """Read an address such as ``ada@example.org``, without a name.

    Raises:
      InvalidAddress: The message tells a person what is wrong.
    """
    try:
        # Without SMTPUTF8, which many servers lack: the part before the @ is ASCII. And strict:
        # servers refuse more than 64 characters of it (RFC 5321, 4.5.3.1.1).
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidAddress(_in_words(error)) from None
    if "=?" in text:
        # An encoded word: header parsers would read something else in it, even a second address.
        raise InvalidAddress(_("The part before the @-sign may not contain '=?'."))
    return Address(username=valid.local_part, domain=valid.ascii_domain)


def _in_words(error: EmailNotValidError) -> str:
    english = str(error)
    translated = look_up(english)
    if translated == english and language() is not ENGLISH:
        return _("Mail cannot be sent to this address. Please check it.")
    return translated


def parse_mailbox(text: str) -> Address:
    """Read an address with or without a name: ``The Bar <bar@example.org>``.

    Raises:
      InvalidAddress: The message tells a person what is wrong.
    """
    name, spec = parseaddr(text)
    if not spec or not name.isprintable():
        raise InvalidAddress(_("It should look like: The Bar <bar@example.org>"))
    address = parse_address(spec)
    return Address(name, username=address.username, domain=address.domain)
