"""A real mail server, in a process of its own: slow, moody or broken, as a test wants it.

It prints its port once it listens, and appends a line of JSON to a ledger for every e-mail that
it has accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import email
import json
from pathlib import Path
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, Envelope, Session

if TYPE_CHECKING:
    from collections.abc import Callable


class Handler:
    def __init__(
        self, ledger: Path, *, delay_seconds: float, reply: str | None, bad_replies: int
    ) -> None:
        self._ledger = ledger
        self._delay_seconds = delay_seconds
        self._reply = reply
        self._bad_replies_left = bad_replies

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        await asyncio.sleep(self._delay_seconds)
        if self._reply is not None and self._bad_replies_left > 0:
            self._bad_replies_left -= 1
            return self._misbehave(server, self._reply)
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content)
        line = {"to": envelope.rcpt_tos, "id": message["Message-ID"], "text": content.decode()}
        with self._ledger.open("a") as ledger:
            ledger.write(json.dumps(line) + "\n")
        return "250 OK"

    def _misbehave(self, server: SMTP, reply: str) -> str:
        if reply == "drop":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply


async def serve(make_server: Callable[[], SMTP]) -> None:
    server = await asyncio.get_running_loop().create_server(make_server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - how a test learns the port
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--delay-seconds", type=float, default=0.0)
    parser.add_argument("--reply", help="what it says instead of 250 OK, or: drop")
    parser.add_argument("--bad-replies", type=int, default=1, help="how often it says so")
    arguments = parser.parse_args()
    handler = Handler(
        arguments.ledger,
        delay_seconds=arguments.delay_seconds,
        reply=arguments.reply,
        bad_replies=arguments.bad_replies,
    )
    asyncio.run(serve(lambda: SMTP(handler, enable_SMTPUTF8=True)))


if __name__ == "__main__":
    main()
