"""The website over HTTP: what it answers, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
import redis

from barback.embedded import EmbeddedServer
from tests.support.polling import eventually
from tests.support.website import PASSWORD, Website, start_website

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter


@pytest.fixture(scope="module")
def website(start_here: ProcessStarter) -> Website:
    """A website for all tests that need no particular one."""
    return start_website(start_here, SIGN_UPS_PER_MINUTE="1000")


@pytest.fixture
def client(website: Website) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=website.url, timeout=10) as client:
        yield client


def form_of(page: httpx.Response) -> dict[str, str]:
    """The hidden fields of the first form on a page."""
    first_form = page.text.split("</form>")[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', first_form))


def test_every_page_forbids_what_it_does_not_need(client: httpx.Client) -> None:
    for path in ["/", "/orders", "/lesson", "/log-in", "/sign-up", "/docs", "/no-such-page"]:
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_browsers_keep_no_page_of_an_account(website: Website, client: httpx.Client) -> None:
    for session, kept in [("", "private, no-cache"), (website.log_in(), "no-store")]:
        client.cookies.set("bar_session", session)
        form = form_of(client.get("/standing-orders"))
        refused = client.post(
            "/standing-orders", data={**form, "drink": "beer", "timezone": "Atlantis"}
        )
        assert refused.status_code == 422
        assert refused.headers["Cache-Control"] == kept


def test_pages_need_nothing_from_elsewhere(client: httpx.Client) -> None:
    for path in ["/", "/orders", "/lesson", "/log-in", "/sign-up", "/docs"]:
        page = client.get(path).text
        sources = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert sources
        assert all(source.startswith(("/", "#", "?")) for source in sources)
        assert "<style" not in page
        assert not re.search(r"\son\w+=|\sstyle=", page)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: httpx.Client) -> None:
    cookie = client.get("/").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_cookie_that_was_tampered_with_is_replaced(client: httpx.Client) -> None:
    response = client.get("/", headers={"Cookie": "bar_visitor=ImFkYSI.forged"})
    assert "bar_visitor=" in response.headers["Set-Cookie"]


def test_a_visitor_is_known_for_a_year_after_the_last_visit(client: httpx.Client) -> None:
    first, second = (client.get("/").headers["Set-Cookie"] for _ in range(2))
    assert "Max-Age=31536000" in first
    assert first == second


def test_a_form_of_another_site_takes_no_visitor_s_cookie(client: httpx.Client) -> None:
    # Browsers send no cookie with it, and would keep one that came back instead of the visitor's.
    for path in ("/orders", "/log-in", "/log-out", "/", "/nowhere"):
        assert "Set-Cookie" not in httpx.post(f"{client.base_url}{path}").headers


@pytest.mark.parametrize("path", ["/sign-up", "/orders", "/lesson", "/log-in", "/new-password"])
def test_a_form_of_another_site_is_refused(client: httpx.Client, path: str) -> None:
    # Given a visitor, and the form of another one
    client.get("/")
    stolen = form_of(httpx.get(f"{client.base_url}{path}"))

    # Expect it to be refused, as one without a token is
    for form in (stolen, {}):
        values = {"email": "ada@example.org", "password": PASSWORD, "month": "2026-01"}
        order = {"drink": "beer", "key": "k"}
        assert client.post(path, data=values | order | form).status_code == 403


def test_a_taken_address_is_answered_like_a_new_one(client: httpx.Client) -> None:
    # When the same address signs up twice, by the page and by the API
    answers = []
    for _ in range(2):
        form = form_of(client.get("/sign-up"))
        page = client.post(
            "/sign-up", data={"email": "ada@example.org", "password": PASSWORD, **form}
        )
        api = client.post("/api/sign-ups", json={"email": "Ada@Example.org", "password": PASSWORD})
        answers.append((page.status_code, page.headers["Location"], api.status_code, api.text))

    # Expect no difference
    assert answers[0] == answers[1]
    assert answers[0][0] == 303


def test_wrong_input_comes_back_with_the_reason_but_without_the_password(
    client: httpx.Client,
) -> None:
    form = form_of(client.get("/sign-up"))
    answer = client.post("/sign-up", data={"email": "<b>ada", "password": "hunter2", **form})
    assert answer.status_code == 422
    assert "&lt;b&gt;ada" in answer.text
    assert "at least 10 characters" in answer.text
    assert "hunter2" not in answer.text
    api = client.post("/api/sign-ups", json={"email": "ada", "password": "hunter2"})
    assert api.status_code == 422
    assert "hunter2" not in api.text


@pytest.mark.slow
def test_sign_ups_are_limited_for_each_address(start: ProcessStarter) -> None:
    website = start_website(start, SIGN_UPS_PER_MINUTE="3")
    answers = [website.sign_up(f"p{number}@example.org") for number in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_a_body_that_is_too_long_is_refused_whether_or_not_it_says_so(client: httpx.Client) -> None:
    body = json.dumps({"drink": "beer", "note": "x" * 20_000}).encode()
    kind = {"Content-Type": "application/json"}
    for content in (body, iter([body])):
        answer = client.post("/api/orders", content=content, headers=kind)
        assert answer.status_code == 413
        assert answer.json().keys() == {"detail"}


def test_an_order_is_placed_once_for_each_key(client: httpx.Client) -> None:
    # When an order is sent twice with one key, and once more without
    key = {"Idempotency-Key": "once"}
    first = client.post("/api/orders", json={"drink": "beer"}, headers=key)
    second = client.post("/api/orders", json={"drink": "beer"}, headers=key)
    third = client.post("/api/orders", json={"drink": "beer"})

    # Expect two orders, one after the other
    assert [answer.status_code for answer in (first, second, third)] == [202, 202, 202]
    assert first.json()["id"] == second.json()["id"] != third.json()["id"]
    positions = [client.get(a.headers["Location"]).json()["position"] for a in (first, third)]
    assert positions[0] + 1 == positions[1]

    # Expect the key to be refused for another drink
    conflict = client.post("/api/orders", json={"drink": "coffee"}, headers=key)
    assert conflict.status_code == 409


@pytest.mark.slow
def test_a_full_bar_says_when_to_come_back(start: ProcessStarter) -> None:
    website = start_website(start, MAX_QUEUE_LENGTH="2")
    order = {"drink": "beer"}
    answers = [httpx.post(f"{website.url}/api/orders", json=order) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 503]
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.slow
def test_a_broker_that_is_away_closes_the_bar_but_nothing_else(
    start: ProcessStarter, session_dir: Path
) -> None:
    # Given a website whose broker was stopped
    broker = EmbeddedServer(session_dir / "away")
    website = start_website(start, REDIS_URL=broker.ensure())
    broker.stop()

    # Expect an order to be refused, not to wait until the client gives up
    key = {"Idempotency-Key": "again"}
    order = {"drink": "coffee"}
    refused = httpx.post(f"{website.url}/api/orders", json=order, headers=key, timeout=10)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0

    # Expect sign-ups and reports to be taken
    assert website.sign_up("ada@example.org").status_code == 202
    with website.staff() as staff:
        assert staff.post("/api/reports", json={"month": "2026-01"}).status_code == 202

    # Expect the order to be placed, once, when the broker is back
    broker.ensure()

    def place() -> httpx.Response:
        return httpx.post(f"{website.url}/api/orders", json=order, headers=key, timeout=10)

    eventually(lambda: place().status_code == 202)
    assert place().json()["state"] == "queued"
    broker.stop()


@pytest.mark.slow
def test_a_broker_that_hangs_holds_up_nobody(start: ProcessStarter, session_dir: Path) -> None:
    # Given a visitor with orders that wait, and a broker that has stopped to answer
    broker = EmbeddedServer(session_dir / "hangs")
    website = start_website(start, REDIS_URL=broker.ensure())
    pid = broker.pid()
    assert pid is not None
    with httpx.Client(base_url=website.url, timeout=20) as client:
        form = form_of(client.get("/orders"))
        for n in range(10):
            client.post("/orders", data=form | {"drink": "beer", "key": f"key-{n}"})
        os.kill(pid, signal.SIGSTOP)
        try:
            # Expect the page to come, though each of the orders would wait for seconds
            assert client.get("/orders").text.count('form="cancel-order"') == 10
        finally:
            os.kill(pid, signal.SIGCONT)
            broker.stop()


@pytest.mark.slow
def test_an_order_that_was_not_sent_yet_can_be_cancelled(
    start: ProcessStarter, session_dir: Path
) -> None:
    # Given an order that the bar wrote down, and that the broker does not take
    broker = EmbeddedServer(session_dir / "refuses")
    website = start_website(start, REDIS_URL=broker.ensure())
    with redis.Redis.from_url(broker.url) as server:
        server.config_set("maxmemory", 1)
    key = {"Idempotency-Key": "k"}
    with httpx.Client(base_url=website.url, timeout=20, headers=key) as client:
        assert client.post("/api/orders", json={"drink": "beer"}).status_code == 503
        with sqlite3.connect(website.database_url.removeprefix("sqlite:///")) as database:
            [(order_id, state)] = database.execute("SELECT id, state FROM orders").fetchall()
        assert state == "placing"
        # Expect it to be cancelled, and to stay so
        assert client.post(f"/api/orders/{order_id}/cancel").json()["state"] == "cancelled"
        again = client.post("/api/orders", json={"drink": "beer"})
        assert again.json()["state"] == "cancelled"
    broker.stop()


def test_asking_twice_for_a_month_gives_the_same_report(website: Website) -> None:
    with website.staff() as client:
        first = client.post("/api/reports", json={"month": "2026-02"}).json()
        second = client.post("/api/reports", json={"month": "2026-02"}).json()
        assert first["id"] == second["id"]
        cancelled = client.post(f"/api/reports/{first['id']}/cancel").json()
        assert cancelled["state"] == "cancelled"
        assert client.get(f"/reports/{first['id']}/sales.csv").status_code == 404


def test_who_is_not_logged_in_any_more_comes_back_to_the_page_and_not_to_a_file(
    client: httpx.Client,
) -> None:
    page = f"/reports/{uuid4()}"
    assert client.get(f"{page}/sales.csv").headers["Location"] == f"/log-in?next={page}"


def test_json_that_does_not_say_that_it_is_json_is_refused_with_the_cure(
    client: httpx.Client,
) -> None:
    answer = client.post("/api/orders", content='{"drink": "beer"}')
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("path", ["/reports/nonsense", "/reports/nonsense/sales.csv", "/orders/x"])
def test_an_address_that_leads_nowhere_is_404_with_a_way_on(website: Website, path: str) -> None:
    with website.staff() as client:
        answer = client.get(path)
        assert answer.status_code == 404
        assert 'href="/"' in answer.text
        assert client.get("/api/reports/nonsense").status_code == 404


def test_a_port_that_is_taken_is_named_with_the_cure(start: ProcessStarter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start.run([sys.executable, "-m", "web"], WEB_PORT=str(port))
    assert process.exit_code == 1
    assert f"port {port} on 127.0.0.1 is taken" in process.stderr
    assert "WEB_PORT=" in process.stderr
    assert "Traceback" not in process.output


def test_to_listen_everywhere_it_has_to_know_its_name(start: ProcessStarter) -> None:
    process = start.run(
        [sys.executable, "-m", "web"],
        WEB_HOST="0.0.0.0",  # noqa: S104
        WEB_SECRET="0123456789abcdef",
    )
    assert process.exit_code == 2
    assert "WEB_URL" in process.stderr


def test_with_the_default_secret_it_listens_on_loopback_alone(start: ProcessStarter) -> None:
    process = start.run([sys.executable, "-m", "web"], WEB_HOST="0.0.0.0")  # noqa: S104
    assert process.exit_code == 2
    assert "WEB_SECRET" in process.stderr
    assert "Traceback" not in process.output


def test_a_database_without_tables_is_refused_with_the_cure(
    start: ProcessStarter, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    process = start.run([sys.executable, "-m", "web"], DATABASE_URL=url)
    assert process.exit_code == 1
    assert "python -m database migrate" in process.stderr


def test_nothing_secret_is_logged(website: Website) -> None:
    # When somebody signs up and opens a link
    website.sign_up("ada@example.org")
    httpx.get(f"{website.url}/confirm/a-token-that-nobody-else-may-see")

    # Expect neither in the log
    assert PASSWORD not in website.process.output
    assert "a-token-that" not in website.process.output
