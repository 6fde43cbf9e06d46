"""A real mail server, in a process of its own: slow, moody or broken, as a test wants it.

It prints its port once it listens, and appends a line of JSON to a ledger for every e-mail that
it has accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import email
import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

if TYPE_CHECKING:
    from collections.abc import Callable


class Handler:
    def __init__(
        self,
        ledger: Path,
        *,
        delay_seconds: float,
        reply: str | None,
        bad_replies: int,
        hang_at_quit: bool,
        seven_bit: bool,
    ) -> None:
        self._seven_bit = seven_bit
        self._hang_at_quit = hang_at_quit
        self._ledger = ledger
        self._delay_seconds = delay_seconds
        self._reply = reply
        self._bad_replies_left = bad_replies

    async def handle_EHLO(  # noqa: N802 - the name is aiosmtpd's
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return [each for each in responses if not (self._seven_bit and "8BITMIME" in each)]

    async def handle_QUIT(  # noqa: N802 - the name is aiosmtpd's
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
    ) -> str:
        if self._hang_at_quit:
            await asyncio.sleep(3600)
        return "221 Bye"

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        await asyncio.sleep(self._delay_seconds)
        if self._reply is not None and self._bad_replies_left > 0:
            self._bad_replies_left -= 1
            return self._misbehave(server, self._reply)
        content = envelope.content
        assert isinstance(content, bytes)
        assert server.transport is not None
        message = email.message_from_bytes(content)
        line = {
            "to": envelope.rcpt_tos,
            "id": message["Message-ID"],
            "text": content.decode(),
            "is_encrypted": server.transport.get_extra_info("sslcontext") is not None,
            "user": None if session.auth_data is None else session.auth_data.login.decode(),
        }
        with self._ledger.open("a") as ledger:
            ledger.write(json.dumps(line) + "\n")
        return "250 OK"

    def _misbehave(self, server: SMTP, reply: str) -> str:
        if reply == "drop":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply


async def serve(make_server: Callable[[], SMTP], tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(make_server, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how a test learns the port
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--delay-seconds", type=float, default=0.0)
    parser.add_argument("--reply", help="what it says instead of 250 OK, or: drop")
    parser.add_argument("--bad-replies", type=int, default=1, help="how often it says so")
    parser.add_argument("--hang-at-quit", action="store_true", help="never say goodbye")
    parser.add_argument("--ascii-only", action="store_true", help="without SMTPUTF8")
    parser.add_argument("--seven-bit", action="store_true", help="without 8BITMIME")
    parser.add_argument("--certificate", help="a file with a key and a certificate, for TLS")
    parser.add_argument("--starttls", action="store_true", help="begin without TLS, but insist")
    parser.add_argument("--login", help="user:password, without which it takes no e-mail")
    arguments = parser.parse_args()
    tls = None
    if arguments.certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate)
    handler = Handler(
        arguments.ledger,
        delay_seconds=arguments.delay_seconds,
        reply=arguments.reply,
        bad_replies=arguments.bad_replies,
        hang_at_quit=arguments.hang_at_quit,
        seven_bit=arguments.seven_bit,
    )

    def check_login(*attempt: Any) -> AuthResult:
        login: LoginPassword = attempt[-1]
        user, password = arguments.login.split(":")
        is_known = login == LoginPassword(user.encode(), password.encode())
        return AuthResult(success=is_known, handled=False, auth_data=login)

    def make_server() -> SMTP:
        return SMTP(
            handler,
            enable_SMTPUTF8=not arguments.ascii_only,
            tls_context=tls if arguments.starttls else None,
            require_starttls=arguments.starttls,
            authenticator=None if arguments.login is None else check_login,
            auth_required=arguments.login is not None,
            auth_require_tls=arguments.starttls,
        )

    asyncio.run(serve(make_server, None if arguments.starttls else tls))


if __name__ == "__main__":
    main()
