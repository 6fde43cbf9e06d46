"""How an e-mail leaves: by a mail server, or into a folder where one can read it."""

from __future__ import annotations

import contextlib
import functools
import os
import smtplib
import ssl
import time
from dataclasses import dataclass
from email.utils import make_msgid
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from barback.private_files import make_private_directory, make_private_file
from settings import settings

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

#: How long the mail server may take for each of its answers, in seconds.
SMTP_TIMEOUT_SECONDS = 30.0

#: How long all answers before the e-mail itself may take together, in seconds.
PREPARATION_SECONDS = 120.0

#: How long each step of handing over the e-mail may take, in seconds. Whoever gives up while the
#: server has not answered does not know whether it has accepted the e-mail.
HANDOVER_TIMEOUT_SECONDS = 60.0

#: The longest that a delivery can take, in seconds: the handover is DATA and its answer, the
#: e-mail and its answer.
MAX_DELIVERY_SECONDS = PREPARATION_SECONDS + SMTP_TIMEOUT_SECONDS + 4 * HANDOVER_TIMEOUT_SECONDS

_DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailRefused(Exception):  # noqa: N818 - named as smtplib names its own
    """The mail server refused this e-mail for good: trying again would not help."""


class Mailer(Protocol):
    def deliver(self, message: EmailMessage) -> str:
        """Hand over an e-mail from one sender to one recipient; return where it went.

        It takes MAX_DELIVERY_SECONDS at the most.

        Raises:
          MailRefused: Trying again would not help.
          OSError: It might.
        """


def mailbox_folder() -> Path:
    """Where e-mails are files, without a mail server."""
    return settings.barback_data_dir.absolute() / "mailbox"


@functools.cache
def mailer() -> Mailer:
    if settings.smtp_url is None:
        return Mailbox(mailbox_folder())
    return MailServer.from_url(settings.smtp_url)


@dataclass(frozen=True)
class Mailbox:
    """A folder with one readable file for each e-mail."""

    directory: Path

    def deliver(self, message: EmailMessage) -> str:
        # Whoever reads a link in one chooses the password of an account.
        make_private_directory(self.directory, may_be_anothers=True)
        name = message["Message-ID"] or make_msgid(domain="mailbox")
        path = self.directory / f"{name.strip('<>')}.eml"
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        make_private_file(unfinished)
        unfinished.write_bytes(message.as_bytes())
        unfinished.replace(path)
        return str(path)


@dataclass(frozen=True)
class MailServer:
    """A mail server: ``smtp://``, ``smtp+starttls://`` or ``smtps://``, user and password in it.

    With ``smtp+starttls`` and ``smtps`` the connection is encrypted, or no e-mail is sent.
    """

    scheme: str
    host: str
    port: int
    user: str | None
    password: str

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        parts = urlsplit(url)
        return cls(
            scheme=parts.scheme,
            host=parts.hostname or "localhost",
            port=parts.port or _DEFAULT_PORTS[parts.scheme],
            user=None if parts.username is None else unquote(parts.username),
            password=unquote(parts.password or ""),
        )

    def deliver(self, message: EmailMessage) -> str:
        [sender], [recipient] = message["From"].addresses, message["To"].addresses
        started_at = time.monotonic()
        connection = self._connect()
        try:
            connection.ehlo_or_helo_if_needed()
            takes_8bit = connection.has_extn("8bitmime")
            # For a server of the old days, Chinese is encoded in ASCII on the way.
            content = message.as_bytes(
                policy=message.policy.clone(
                    linesep="\r\n", cte_type="8bit" if takes_8bit else "7bit"
                )
            )
            options = [] if content.isascii() else ["BODY=8BITMIME"]
            code, answer = connection.mail(sender.addr_spec, options)
            if code != 250:  # noqa: PLR2004 - of every e-mail: a login or TLS is missing, or the like
                raise smtplib.SMTPSenderRefused(code, answer, sender.addr_spec)
            _expect(connection.rcpt(recipient.addr_spec), 250, 251)
            if time.monotonic() - started_at > PREPARATION_SECONDS:
                raise TimeoutError(f"{self.host} took longer than {PREPARATION_SECONDS:.0f} s")
            _hand_over(connection, content)
        finally:
            # The e-mail is handed over or it is not: nobody waits for the answer to the farewell.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.putcmd("quit")
            connection.close()
        return f"{self.host}:{self.port}"

    def _connect(self) -> smtplib.SMTP:
        if self.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=SMTP_TIMEOUT_SECONDS, context=_tls()
            )
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=SMTP_TIMEOUT_SECONDS)
        try:
            if self.scheme == "smtp+starttls":
                connection.starttls(context=_tls())
            if self.user is not None:
                connection.login(self.user, self.password)
        except BaseException:
            connection.close()
            raise
        return connection


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _hand_over(connection: smtplib.SMTP, content: bytes) -> None:
    assert connection.sock is not None  # noqa: S101 - it has just answered
    connection.sock.settimeout(HANDOVER_TIMEOUT_SECONDS)
    try:
        reply = connection.data(content)
    except smtplib.SMTPDataError as error:
        answer = error.smtp_error
        reply = (error.smtp_code, answer.encode() if isinstance(answer, str) else answer)
    _expect(reply, 250)


def _expect(reply: tuple[int, bytes], *codes: int) -> None:
    """5xx is for good; anything else that was not expected may pass."""
    code, text = reply
    if code in codes:
        return
    if code >= 500:  # noqa: PLR2004
        raise MailRefused(f"{code} {text.decode(errors='replace')}")
    raise smtplib.SMTPResponseException(code, text)
