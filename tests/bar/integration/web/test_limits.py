"""What the website refuses, whoever asks, and what it tells those who look after it."""

from __future__ import annotations

import contextlib
import resource
import socket
import sqlite3
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from barback.embedded import EmbeddedServer
from tests.support.polling import eventually
from tests.support.website import start_website

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ProcessStarter
    from tests.support.website import Website

pytestmark = pytest.mark.slow


def order(website: Website, **headers: str) -> int:
    """Order something; return the status of the answer."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{website.url}/api/orders"
    return httpx.post(url, json={"drink": "beer"}, headers=given, timeout=10).status_code


def test_whatever_writes_is_limited_for_each_network(start: ProcessStarter) -> None:
    # Given a website that takes three requests of a network in a minute
    website = start_website(start, WRITES_PER_MINUTE="3")
    # When one network asks for this and that, with no cookie or a fresh one each time
    given = {"drink": "beer", "month": "2020-01"}
    statuses = [
        httpx.post(f"{website.url}{path}", json=given).status_code
        for path in ("/api/orders", "/api/reports")
    ]
    statuses.append(httpx.post(f"{website.url}/standing-orders", data=given).status_code)
    refused = httpx.post(f"{website.url}/api/orders", json=given)
    # Expect all of it to count, and looking not to
    assert statuses == [202, 401, 403]
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert httpx.get(f"{website.url}/orders").status_code == 200


def test_all_networks_together_have_a_limit(start: ProcessStarter) -> None:
    website = start_website(start, TOTAL_WRITES_PER_MINUTE="2", TRUSTED_PROXIES="127.0.0.1")
    statuses = [order(website, X_Forwarded_For=f"192.0.2.{number}") for number in (1, 2, 3)]
    assert statuses == [202, 202, 429]


def test_a_proxy_is_believed_only_if_it_is_trusted(start: ProcessStarter) -> None:
    # Given a website that trusts nobody, and a client that says to be many
    alone = start_website(start, WRITES_PER_MINUTE="2")
    statuses = [order(alone, X_Forwarded_For=f"192.0.2.{n}") for n in (1, 2, 3)]
    # Expect it to count as one
    assert statuses == [202, 202, 429]
    # Given a website behind a proxy of ours
    behind = start_website(start, WRITES_PER_MINUTE="2", TRUSTED_PROXIES="127.0.0.0/8")
    statuses = [order(behind, X_Forwarded_For=f"192.0.2.{n}") for n in (4, 5, 6)]
    # Expect each client to count for itself, but not each address of its IPv6 network
    assert statuses == [202, 202, 202]
    addresses = [f"2001:db8::{n}" for n in (7, 8, 9)]
    statuses = [
        order(behind, X_Forwarded_For=address) for n, address in enumerate(addresses, start=7)
    ]
    assert statuses == [202, 202, 429]


def test_whoever_runs_it_hears_that_visitors_behind_a_proxy_count_as_one(
    start: ProcessStarter,
) -> None:
    told = "All visitors share the limits of one network"
    https = {"WEB_URL": "https://bar.example.org"}
    assert told in start_website(start, **https).process.stderr
    for variables in ({}, {**https, "TRUSTED_PROXIES": "127.0.0.1"}):
        assert told not in start_website(start, **variables).process.stderr


def test_there_is_room_for_so_many_reports_at_once(start: ProcessStarter) -> None:
    website = start_website(start)
    with website.staff() as client:
        months = [f"20{year}-{month:02}" for year in range(10, 20) for month in range(1, 13)]
        answers = [client.post("/api/reports", json={"month": month}) for month in months[:51]]
        assert [answer.status_code for answer in answers] == [202] * 50 + [503]
        # One that is being made already is still shown.
        assert client.post("/api/reports", json={"month": months[0]}).status_code == 202


def test_another_name_is_not_answered(start: ProcessStarter) -> None:
    website = start_website(start, WEB_URL="https://bar.example.org")
    for host in ("evil.example.com", "evil.example.com:80", "127.0.0.1.evil.com"):
        refused = httpx.get(f"{website.url}/orders/", headers={"Host": host})
        assert refused.status_code == 400
        assert host not in refused.text
        assert "Location" not in refused.headers
        assert refused.headers["X-Content-Type-Options"] == "nosniff"
    own = httpx.get(f"{website.url}/orders/", headers={"Host": "bar.example.org"})
    assert own.status_code == 307
    # Kubernetes and load balancers know an address and no name.
    for path in ("/healthz", "/readyz"):
        assert httpx.get(website.url + path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_a_failure_inside_has_the_headers_of_any_page_and_is_logged_once(
    start: ProcessStarter, tmp_path: Path
) -> None:
    # Given an order in a state that there is not
    website = start_website(start)
    with website.staff() as client:
        path = client.post("/api/orders", json={"drink": "beer"}).headers["Location"]
        with sqlite3.connect(tmp_path / "data" / "bar.db") as database:
            database.execute("UPDATE orders SET state = 'spilt'")
        database.close()
        # When somebody looks
        page, api = client.get("/orders"), client.get(path)
    # Expect a page and JSON that say so, and one traceback for each
    assert (page.status_code, api.status_code) == (500, 500)
    assert "on our side" in page.text
    assert api.json()["detail"]
    for answer in (page, api):
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    eventually(lambda: website.process.output.count("GET /orders 500") == 1)
    assert website.process.output.count("LookupError: 'spilt'") == 2


def test_the_log_names_every_request_by_its_route(start: ProcessStarter) -> None:
    website = start_website(start)
    httpx.get(f"{website.url}/confirm/a-token-that-nobody-else-may-see")
    httpx.get(f"{website.url}/no-such-page-%0aforged")
    httpx.get(f"{website.url}/healthz")
    eventually(lambda: "GET (no such page) 404" in website.process.output)
    assert "127.0.0.1 GET /confirm/{token} 404 in " in website.process.output
    assert "a-token" not in website.process.output
    assert "forged" not in website.process.output
    assert "healthz" not in website.process.output


def test_a_website_without_a_broker_lives_but_is_not_ready(
    start: ProcessStarter, session_dir: Path
) -> None:
    # Given a website
    broker = EmbeddedServer(session_dir / "unready")
    website = start_website(start, REDIS_URL=broker.ensure())
    ready = httpx.get(f"{website.url}/readyz", timeout=10)
    assert (ready.status_code, ready.json()) == (200, {"database": "ok", "broker": "ok"})
    # When its broker is away, and somebody orders in vain
    broker.stop()
    for _ in range(3):
        httpx.post(f"{website.url}/api/orders", json={"drink": "beer"}, timeout=10)
    unready = httpx.get(f"{website.url}/readyz", timeout=10)
    # Expect it to say so, to those who ask and once in the log
    assert (unready.status_code, unready.json()["broker"]) == (503, "away")
    assert httpx.get(f"{website.url}/healthz").status_code == 200
    assert website.process.output.count("Refusing orders: the broker cannot be reached") == 1


def test_pages_say_when_nobody_is_there_to_do_the_work(
    start: ProcessStarter, start_worker: Any
) -> None:
    website = start_website(start)
    with website.staff(follow_redirects=True) as client:
        report = client.post("/api/reports", json={"month": "2020-01"}).json()
        told = "none is making reports right now"
        assert told in client.get(f"/reports/{report['id']}").text
        start_worker("reports", REPORT_DAY_SECONDS="60")
        eventually(lambda: told not in client.get(f"/reports/{report['id']}").text)


def test_pages_say_that_nobody_does_what_is_held_back(
    start: ProcessStarter, start_worker: Any
) -> None:
    # Given a worker of a queue that is paused
    assert start.run(["python", "-m", "barback", "pause", "reports"]).exit_code == 0
    start_worker("reports")
    website = start_website(start)
    with website.staff(follow_redirects=True) as client:
        report = client.post("/api/reports", json={"month": "2020-01"}).json()
        # Expect its work to be said to wait, until it goes on
        told = "none is making reports right now"
        assert told in client.get(f"/reports/{report['id']}").text
        assert start.run(["python", "-m", "barback", "resume", "reports"]).exit_code == 0
        eventually(lambda: told not in client.get(f"/reports/{report['id']}").text)


def test_one_browser_gets_three_streams(start: ProcessStarter) -> None:
    website = start_website(start)
    with website.staff() as client:
        report = client.post("/api/reports", json={"month": "2020-01"}).json()
        client.get("/")  # for the cookie
        path = f"/reports/{report['id']}/events"
        streams = [client.stream("GET", path) for _ in range(3)]
        answers = [stream.__enter__() for stream in streams]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert client.get(path).status_code == 429
        # Another one of the same account has its own.
        with website.staff() as phone, phone.stream("GET", path) as answer:
            assert answer.status_code == 200
        for stream in streams:
            stream.__exit__(None, None, None)

        def is_free() -> bool:
            with client.stream("GET", path) as answer:
                return answer.status_code == 200

        eventually(is_free)


def test_a_thousand_silent_connections_stop_nobody_and_fill_no_log(start: ProcessStarter) -> None:
    # Given a website, and somebody who opens more connections than it keeps, and says nothing
    website = start_website(start)
    address = ("127.0.0.1", int(website.url.rpartition(":")[2]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with contextlib.ExitStack() as stack:
        for number in range(2_000):
            source = (f"127.0.1.{number % 200 + 1}", 0)
            stack.enter_context(socket.create_connection(address, 10, source))
        # When they have all been there for a while
        # Expect them to go, and somebody else to be served
        eventually(lambda: is_served(website), timeout_seconds=40)
    assert len(website.process.output) < 20_000


def is_served(website: Website) -> bool:
    try:
        return httpx.get(f"{website.url}/orders", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
