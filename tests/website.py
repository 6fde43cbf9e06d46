"""The website and a mail server as processes, and what a test asks them."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tests.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes import ProcessStarter, TestProcess

PASSWORD = "four plain english words"  # noqa: S105


@dataclass(frozen=True)
class Website:
    """A running website."""

    url: str
    process: TestProcess

    def sign_up(self, email: str) -> httpx.Response:
        return httpx.post(
            f"{self.url}/api/sign-ups", json={"email": email, "password": PASSWORD}, timeout=10
        )


def start_website(start: ProcessStarter, **variables: str) -> Website:
    """Start the website on a free port and wait until it answers."""
    port = free_port()
    process = start([sys.executable, "-m", "web"], WEB_PORT=str(port), **variables)
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        assert process.exit_code is None, process.output
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/healthz").status_code == 200
        return False

    eventually(is_ready, timeout_seconds=30, complaint=lambda: process.output)
    return Website(url, process)


@dataclass(frozen=True)
class MailServer:
    """A running mail server, and what it has accepted."""

    url: str
    ledger: Path

    def accepted(self) -> list[dict[str, Any]]:
        if not self.ledger.exists():
            return []
        # The last line may be half written.
        lines = self.ledger.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]


def start_mail_server(start: ProcessStarter, ledger: Path, *options: str) -> MailServer:
    process = start(["nice", sys.executable, "-m", "tests.mail_server", str(ledger), *options])
    process.wait_for_output("\n")
    return MailServer(f"smtp://127.0.0.1:{process.stdout.strip()}", ledger)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
