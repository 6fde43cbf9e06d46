"""E-mails on their way to a real mail server: slow, moody or broken."""

from __future__ import annotations

import email
import smtplib
import ssl
import stat
import time
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import trustme
from itsdangerous import TimestampSigner

from barback.i18n import LANGUAGES, speaking
from email_addresses import InvalidAddress
from mail import mailer as mailer_module
from mail.account_emails import confirmation_email, reset_email
from mail.links import (
    CONFIRMATION_TTL_SECONDS,
    RESET_TTL_SECONDS,
    confirmation_url,
    read_confirmation_token,
    read_reset_token,
    reset_url,
)
from mail.mailer import SMTP_TIMEOUT_SECONDS, Mailbox, MailRefused, MailServer
from tests.support.website import MailServer as Ledger
from tests.support.website import start_mail_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from tests.support.processes import ProcessStarter


def an_email() -> EmailMessage:
    return confirmation_email(uuid4(), "ada@example.org")


def deliver(start: ProcessStarter, tmp_path: Path, *options: str) -> list[str]:
    """Deliver an e-mail to a mail server with options; return who it was for."""
    server = start_mail_server(start, tmp_path / "mails", *options)
    try:
        MailServer.from_url(server.url).deliver(an_email())
    finally:
        recipients = [to for mail in server.accepted() for to in mail["to"]]
    return recipients


def test_an_email_arrives(start: ProcessStarter, tmp_path: Path) -> None:
    assert deliver(start, tmp_path) == ["ada@example.org"]


@pytest.mark.parametrize("options", [(), ("--seven-bit",)])
def test_an_email_in_chinese_arrives_whatever_the_server_can_take(
    start: ProcessStarter, tmp_path: Path, options: tuple[str, ...]
) -> None:
    # Given a mail server of today or of the old days
    server = start_mail_server(start, tmp_path / "mails", *options)

    # When an e-mail in Chinese is sent
    with speaking(LANGUAGES["zh"]):
        MailServer.from_url(server.url).deliver(an_email())

    # Expect both of its parts to be readable, encoded in ASCII where that is needed
    [mail] = server.accepted()
    assert mail["text"].isascii() == bool(options)
    message = email.message_from_bytes(mail["text"].encode(), policy=default)
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
    assert len(parts) == 2
    assert all("请" in part and "/confirm/" in part for part in parts)


def test_a_slow_server_is_waited_for(start: ProcessStarter, tmp_path: Path) -> None:
    assert deliver(start, tmp_path, "--delay-seconds", "1") == ["ada@example.org"]


def test_a_refusal_for_good_is_not_tried_again(start: ProcessStarter, tmp_path: Path) -> None:
    with pytest.raises(MailRefused, match="no such mailbox"):
        deliver(start, tmp_path, "--reply", "550 no such mailbox")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("451 later, please", smtplib.SMTPResponseException),
        ("drop", smtplib.SMTPServerDisconnected),
    ],
)
def test_a_passing_failure_may_be_tried_again(
    start: ProcessStarter, tmp_path: Path, reply: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        deliver(start, tmp_path, "--reply", reply)


def test_an_accepted_email_is_delivered_whether_or_not_the_server_says_goodbye(
    start: ProcessStarter, tmp_path: Path
) -> None:
    server = start_mail_server(start, tmp_path / "mails", "--hang-at-quit")
    started_at = time.monotonic()
    MailServer.from_url(server.url).deliver(an_email())
    assert time.monotonic() - started_at < SMTP_TIMEOUT_SECONDS
    assert len(server.accepted()) == 1


@pytest.mark.parametrize("domain", ["bücher.example", "xn--bcher-kva.example"])
def test_a_domain_with_umlauts_needs_no_special_server(
    start: ProcessStarter, tmp_path: Path, domain: str
) -> None:
    server = start_mail_server(start, tmp_path / "mails", "--ascii-only")
    MailServer.from_url(server.url).deliver(confirmation_email(uuid4(), f"ada@{domain}"))
    [mail] = server.accepted()
    assert mail["to"] == ["ada@xn--bcher-kva.example"]


@pytest.mark.parametrize("address", ["=?utf-8?q?eve=40example=2Ecom=2C?=@example.org", "a\0@b.org"])
def test_an_address_that_was_stored_before_it_was_checked_gets_no_email(address: str) -> None:
    with pytest.raises(InvalidAddress):
        confirmation_email(uuid4(), address)


def test_without_encryption_nothing_is_sent_where_it_was_asked_for(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given a server that offers no STARTTLS
    server = start_mail_server(start, tmp_path / "mails")

    # Expect neither the password nor the e-mail to be sent
    mailer = MailServer.from_url(server.url.replace("smtp://", "smtp+starttls://user:secret@"))
    with pytest.raises(smtplib.SMTPNotSupportedError):
        mailer.deliver(an_email())
    assert server.accepted() == []


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A certificate for this machine, which this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    path = str(tmp_path / "server.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    mailer_module._tls.cache_clear()
    yield path
    mailer_module._tls.cache_clear()


def start_encrypted(
    start: ProcessStarter, tmp_path: Path, certificate: str, scheme: str
) -> tuple[MailServer, Ledger]:
    """A mail server that wants TLS and a login, and what sends to it with the right password."""
    options = ["--certificate", certificate, "--login", "bar:open sesame"]
    if scheme == "smtp+starttls":
        options.append("--starttls")
    ledger = start_mail_server(start, tmp_path / "mails", *options)
    url = ledger.url.replace("smtp://", f"{scheme}://bar:open%20sesame@")
    return MailServer.from_url(url), ledger


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_server_may_want_encryption_and_a_login(
    start: ProcessStarter, tmp_path: Path, certificate: str, scheme: str
) -> None:
    mailer, ledger = start_encrypted(start, tmp_path, certificate, scheme)

    mailer.deliver(an_email())

    [mail] = ledger.accepted()
    assert mail["to"] == ["ada@example.org"]
    assert (mail["is_encrypted"], mail["user"]) == (True, "bar")


def test_a_wrong_password_sends_nothing(
    start: ProcessStarter, tmp_path: Path, certificate: str
) -> None:
    mailer, ledger = start_encrypted(start, tmp_path, certificate, "smtp+starttls")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        replace(mailer, password="open barley").deliver(an_email())
    assert ledger.accepted() == []


def test_a_server_that_wants_a_login_or_encryption_first_may_be_tried_again(
    start: ProcessStarter, tmp_path: Path, certificate: str
) -> None:
    # Given an SMTP_URL that lacks the one or the other, so that every e-mail is refused
    for options in (["--login", "bar:secret"], ["--certificate", certificate, "--starttls"]):
        server = start_mail_server(start, tmp_path / "mails", *options)
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            MailServer.from_url(server.url).deliver(an_email())
        assert server.accepted() == []


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(
    start: ProcessStarter,
    tmp_path: Path,
    certificate: str,
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailer, ledger = start_encrypted(start, tmp_path, certificate, scheme)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ssl.SSLCertVerificationError):
        mailer.deliver(an_email())
    assert ledger.accepted() == []


def test_a_url_says_all_there_is_to_say() -> None:
    server = MailServer.from_url("smtps://ada%40x:p%2Fw@mail.example.org")
    assert (server.scheme, server.host, server.port) == ("smtps", "mail.example.org", 465)
    assert (server.user, server.password) == ("ada@x", "p/w")


def test_the_folder_has_one_readable_file_for_each_email(tmp_path: Path) -> None:
    # When an e-mail is delivered twice
    mailbox = Mailbox(tmp_path / "mailbox")
    user_id = uuid4()
    paths = {mailbox.deliver(confirmation_email(user_id, "ada@example.org")) for _ in range(2)}

    # Expect one file that only its owner can read the folder of, with the link in one piece
    [path] = paths
    assert [str(file) for file in (tmp_path / "mailbox").iterdir()] == [path]
    assert stat.S_IMODE((tmp_path / "mailbox").stat().st_mode) == 0o700
    text = (tmp_path / "mailbox").joinpath(path).read_text()
    [link, *_] = [line for line in text.splitlines() if "/confirm/" in line]
    assert read_confirmation_token(link.rsplit("/", 1)[-1]) == user_id


def test_an_email_without_an_id_of_its_own_is_a_file_too(tmp_path: Path) -> None:
    # Given e-mails as short as somebody writes first, which a mail server would take
    mailbox = Mailbox(tmp_path / "mailbox")
    hello = EmailMessage()
    hello["From"], hello["To"] = "bar@example.org", "ada@example.org"
    hello.set_content("Hello!")

    # Expect a file for each
    paths = {mailbox.deliver(hello) for _ in range(2)}
    assert {Path(path) for path in paths} == set(mailbox.directory.iterdir())
    assert len(paths) == 2


def test_a_folder_that_is_there_already_is_made_private(tmp_path: Path) -> None:
    # Given a folder that was put back from a copy, for everybody to read
    (tmp_path / "data" / "mailbox").mkdir(parents=True)
    (tmp_path / "data" / "mailbox").chmod(0o755)

    # When an e-mail is delivered
    mailbox = Mailbox(tmp_path / "data" / "mailbox")
    mailbox.deliver(reset_email(uuid4(), "ada@example.org"))

    # Expect that nobody else can choose a password by it
    [file] = mailbox.directory.iterdir()
    assert stat.S_IMODE(mailbox.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("token", ["", "x", "x.y.z"])
def test_a_forged_link_belongs_to_nobody(token: str) -> None:
    assert read_confirmation_token(token) is None


def signed(
    monkeypatch: pytest.MonkeyPatch, url_of: Callable[[UUID], str], link_id: UUID, *, at: float
) -> str:
    """The token of a link that was signed on a machine whose clock shows this, in Unix seconds."""
    with monkeypatch.context() as patched:
        patched.setattr(TimestampSigner, "get_timestamp", lambda _: int(at))
        return url_of(link_id).rsplit("/", 1)[-1]


@pytest.mark.parametrize(
    ("url_of", "read", "ttl_seconds"),
    [
        (confirmation_url, read_confirmation_token, CONFIRMATION_TTL_SECONDS),
        (reset_url, read_reset_token, RESET_TTL_SECONDS),
    ],
)
def test_a_link_is_good_for_a_while_though_its_worker_s_clock_is_ahead(
    monkeypatch: pytest.MonkeyPatch,
    url_of: Callable[[UUID], str],
    read: Callable[[str], UUID | None],
    ttl_seconds: float,
) -> None:
    link_id, now = uuid4(), time.time()
    assert read(signed(monkeypatch, url_of, link_id, at=now + 3_600)) == link_id
    assert read(signed(monkeypatch, url_of, link_id, at=now - ttl_seconds + 60)) == link_id
    assert read(signed(monkeypatch, url_of, link_id, at=now - ttl_seconds - 60)) is None
