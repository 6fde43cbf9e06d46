"""The website and a mail server as processes, and what a test asks them."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from database.engine import make_engine
from database.sessions import open_session
from database.users import add_user, find_user, set_staff
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.support.processes import DEADLINE_SECONDS
from web.accounts.credentials import hash_password

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ProcessStarter, TestProcess

PASSWORD = "four plain english words"  # noqa: S105


@dataclass(frozen=True)
class Website:
    """A running website."""

    url: str
    process: TestProcess
    database_url: str

    def log_in(self, email: str = "staff@example.org", *, is_staff: bool = True) -> str:
        """The token of somebody who is logged in, in an account that is made if need be."""
        engine = make_engine(make_url(self.database_url))
        with Session(engine) as session, session.begin():
            add_user(session, email=email, password_hash=hash_password(PASSWORD))
            set_staff(session, email, is_staff=is_staff)
            user = find_user(session, email)
            assert user is not None
            token = open_session(session, user.id)
        engine.dispose()
        return token

    def staff(self, **options: Any) -> httpx.Client:
        """A browser and a program of somebody of the staff, in one."""
        token = self.log_in()
        return httpx.Client(
            base_url=self.url,
            timeout=30,
            cookies={"bar_session": token},
            headers={"Authorization": f"Bearer {token}"},
            **options,
        )

    def sign_up(self, email: str) -> httpx.Response:
        return httpx.post(
            f"{self.url}/api/sign-ups", json={"email": email, "password": PASSWORD}, timeout=30
        )


def start_website(start: ProcessStarter, *options: str, **variables: str) -> Website:
    """Start the website on a free port and wait until it answers."""
    port = free_port()
    limits = {"WRITES_PER_MINUTE": "100000", "TOTAL_WRITES_PER_MINUTE": "1000000"}
    process = start(
        [sys.executable, "-m", "web", *options], WEB_PORT=str(port), **limits | variables
    )
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        assert process.exit_code is None, process.output
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/healthz").status_code == 200
        return False

    eventually(is_ready, timeout_seconds=DEADLINE_SECONDS, complaint=lambda: process.output)
    environment = start.environment | variables
    default = f"sqlite:///{environment['BARBACK_DATA_DIR']}/bar.db"
    return Website(url, process, environment.get("DATABASE_URL", default))


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
    process = start(
        ["nice", sys.executable, "-m", "tests.support.mail_server", str(ledger), *options]
    )
    process.wait_for_output("\n")
    return MailServer(f"smtp://127.0.0.1:{process.stdout.strip()}", ledger)


def made_older(database_url: str) -> None:
    """Have orders and reports be of three minutes ago."""
    with sqlite3.connect(database_url.removeprefix("sqlite:///")) as database:
        for table, column in (("orders", "placed_at"), ("reports", "requested_at")):
            database.execute(
                f"UPDATE {table} SET {column} = "  # noqa: S608 - names of ours
                f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '-3 minutes')"
            )
    database.close()
