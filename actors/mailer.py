"""How an e-mail leaves: by a mail server, or into a folder where one can read it."""

from __future__ import annotations

import contextlib
import functools
import os
import smtplib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from settings import settings

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

#: How long the mail server may take for each of its answers, in seconds.
SMTP_TIMEOUT_SECONDS = 30.0

_DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailRefused(Exception):  # noqa: N818 - named as smtplib names its own
    """The mail server refused this e-mail for good: trying again would not help."""


class Mailer(Protocol):
    def deliver(self, message: EmailMessage) -> str:
        """Hand an e-mail over; return where it went."""


@functools.cache
def mailer() -> Mailer:
    if settings.smtp_url is None:
        return Mailbox(settings.barback_data_dir.absolute() / "mailbox")
    return MailServer.from_url(settings.smtp_url)


@dataclass(frozen=True)
class Mailbox:
    """A folder with one readable file for each e-mail."""

    directory: Path

    def deliver(self, message: EmailMessage) -> str:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.directory / f"{message['Message-ID'].strip('<>')}.eml"
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
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
        """Raises: MailRefused when the server answers 5xx to this e-mail."""
        connection = self._connect()
        try:
            connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            [(code, answer)] = error.recipients.values()
            raise _refusal(error, code, answer) from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise _refusal(error, error.smtp_code, error.smtp_error) from None
        finally:
            # The e-mail is handed over or it is not; how the farewell goes changes nothing.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()
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


def _refusal(error: smtplib.SMTPException, code: int, answer: bytes | str) -> Exception:
    """5xx is for good; anything else may pass."""
    if code < 500:  # noqa: PLR2004
        return error
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return MailRefused(f"{code} {text}")
