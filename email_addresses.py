"""E-mail addresses: which ones are taken, and in which form.

Whatever comes in from outside becomes an :class:`email.headerregistry.Address` here, once. Its
domain is in ASCII (``xn--…``), which every mail server understands.
"""

from __future__ import annotations

from email.headerregistry import Address
from email.utils import parseaddr

from email_validator import EmailNotValidError, validate_email


class InvalidAddress(ValueError):  # noqa: N818 - it names what is wrong, as ValueError does not
    """Nobody could write to this address."""


def parse_address(text: str) -> Address:
    """Read an address such as ``ada@example.org``, without a name.

    Raises:
      InvalidAddress: The message tells a person what is wrong.
    """
    try:
        # Without SMTPUTF8, which many servers lack: the part before the @ is ASCII.
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from None
    if "=?" in text:
        # An encoded word: header parsers would read something else in it, even a second address.
        raise InvalidAddress("The part before the @-sign may not contain '=?'.")
    return Address(username=valid.local_part, domain=valid.ascii_domain)


def parse_mailbox(text: str) -> Address:
    """Read an address with or without a name: ``The Bar <bar@example.org>``.

    Raises:
      InvalidAddress: The message tells a person what is wrong.
    """
    name, spec = parseaddr(text)
    if not spec or not name.isprintable():
        raise InvalidAddress("It should look like: The Bar <bar@example.org>")
    address = parse_address(spec)
    return Address(name, username=address.username, domain=address.domain)
