"""Many people sign up while the mail server is slow and the broker is away for a while.

``make ledger`` runs it in full: 200 people, 3 s for each e-mail, the broker stopped for 30 s.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest

from actors.email import MAIL_SERVER
from barback.embedded import EmbeddedServer
from tests.support.polling import eventually
from tests.support.website import PASSWORD, MailServer, start_mail_server, start_website

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.processes import ProcessStarter
    from tests.support.website import Website


@dataclass(frozen=True)
class Scale:
    people: int
    sign_up_interval_seconds: float
    mail_seconds: float
    outage_seconds: float

    @property
    def outage_starts_after(self) -> int:
        """After how many sign-ups the broker is stopped."""
        return self.people // 3


SMALL = Scale(60, 0.1, 2, 2)
FULL = Scale(200, 0.25, 3, 30)

#: The longest that an answer may take, at the 99th percentile, in milliseconds: less than an e-mail
#: takes. How much less depends on what else the processors do.
MAX_P99_MS = 1_500


@dataclass
class Ledger:
    """What was asked, what was answered, and what arrived."""

    answers_ms: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    during_outage: set[str] = field(default_factory=set)
    arrived: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def p99_ms(self, *, during_outage: bool) -> float:
        times = [
            time_ms
            for email, time_ms in self.answers_ms.items()
            if (email in self.during_outage) == during_outage
        ]
        return statistics.quantiles(times, n=100, method="inclusive")[98]

    def __str__(self) -> str:
        p50_ms = statistics.median(self.answers_ms.values())
        return "\n".join(
            [
                "",
                f"sign-ups answered        {len(self.answers_ms):6}",
                f"  of them in the outage  {len(self.during_outage):6}",
                f"sign-ups refused         {len(self.refused):6}",
                f"answer p50               {p50_ms:6.0f} ms",
                f"answer p99, broker up    {self.p99_ms(during_outage=False):6.0f} ms",
                f"answer p99, broker down  {self.p99_ms(during_outage=True):6.0f} ms",
                f"e-mails that arrived     {self.arrived.total():6}",
                f"  people without one     {len(self.answers_ms.keys() - self.arrived.keys()):6}",
                f"  people with several    {sum(n > 1 for n in self.arrived.values()):6}",
                f"until the last e-mail    {self.seconds:6.0f} s",
            ]
        )


@pytest.mark.parametrize(
    "scale",
    [
        pytest.param(SMALL, id="small", marks=[pytest.mark.slow, pytest.mark.alone]),
        pytest.param(FULL, id="full", marks=[pytest.mark.ledger, pytest.mark.timeout(600)]),
    ],
)
def test_everybody_gets_an_answer_at_once_and_one_email_in_the_end(
    scale: Scale, start: ProcessStarter, tmp_path: Path, session_dir: Path
) -> None:
    # Given a slow mail server, a broker of our own, the website and a worker
    broker = EmbeddedServer(session_dir / f"ledger-{scale.people}")
    variables = {"REDIS_URL": broker.ensure(), "SIGN_UPS_PER_MINUTE": "100000"}
    options = ["--delay-seconds", str(scale.mail_seconds)]
    mail_server = start_mail_server(start, tmp_path / "mails", *options)
    website = start_website(start, **variables)
    start(
        # Nice: on a machine with few processors, those who wait come first.
        ["nice", "dramatiq", "actors", "-Q", "email", "-p", "1", "-t", "64"],
        SMTP_URL=mail_server.url,
        **variables,
    ).wait_for_output("ready for action")

    # When people sign up all the while, and the broker is stopped in the middle
    try:
        ledger = _run(scale, website, mail_server, broker)
    finally:
        broker.stop()
    print(ledger)  # noqa: T201 - `make ledger` shows it

    # Expect every one of them to have had a quick answer and one e-mail
    assert not ledger.refused
    assert len(ledger.answers_ms) == scale.people
    assert ledger.arrived == Counter(dict.fromkeys(ledger.answers_ms, 1))
    assert ledger.p99_ms(during_outage=False) < MAX_P99_MS
    assert ledger.p99_ms(during_outage=True) < MAX_P99_MS


def _run(scale: Scale, website: Website, mail_server: MailServer, broker: EmbeddedServer) -> Ledger:
    ledger = Ledger()
    outage = threading.Event()
    started_at = time.monotonic()
    sign_ups: list[Future[None]] = []

    def interrupt() -> None:
        outage.set()
        broker.stop()
        time.sleep(scale.outage_seconds)  # the length of the outage is what is tested
        outage.clear()
        broker.ensure()

    with httpx.Client(base_url=website.url) as client, ThreadPoolExecutor(16) as people:
        client.get("/healthz")
        for number in range(scale.people):
            _wait_until(started_at + number * scale.sign_up_interval_seconds)
            if number == scale.outage_starts_after:
                interruption = threading.Thread(target=interrupt)
                interruption.start()
            email = f"person-{number}@example.org"
            sign_ups.append(people.submit(_sign_up, client, email, ledger, outage.is_set))
    interruption.join()
    for sign_up in sign_ups:
        sign_up.result()
    eventually(
        lambda: len(mail_server.accepted()) >= scale.people,
        timeout_seconds=60 + scale.people * scale.mail_seconds / (MAIL_SERVER.at_once or 1),
        complaint=lambda: f"{len(mail_server.accepted())} e-mails have arrived",
    )
    ledger.seconds = time.monotonic() - started_at
    # An e-mail that is sent twice would be on its way by now.
    _wait_until(time.monotonic() + 2 * scale.mail_seconds)
    ledger.arrived.update(mail["to"][0] for mail in mail_server.accepted())
    return ledger


def _sign_up(
    client: httpx.Client, email: str, ledger: Ledger, is_outage: Callable[[], bool]
) -> None:
    if is_outage():
        ledger.during_outage.add(email)
    started_at = time.perf_counter()
    response = client.post("/api/sign-ups", json={"email": email, "password": PASSWORD}, timeout=30)
    if response.status_code == 202:
        ledger.answers_ms[email] = (time.perf_counter() - started_at) * 1000
    else:
        ledger.refused.append(email)


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
