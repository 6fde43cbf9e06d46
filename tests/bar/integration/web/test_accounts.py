"""Signing up, logging in and out, and passwords that were forgotten, over HTTP."""

from __future__ import annotations

import re
import sqlite3
import sys
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from database.engine import make_engine
from database.links import Link, Purpose
from mail.links import confirmation_url, reset_url
from settings import settings
from tests.support.polling import eventually
from tests.support.website import PASSWORD, Website, start_website

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.processes import ProcessStarter, TestProcess


pytestmark = pytest.mark.slow

ANOTHER_PASSWORD = "quite another set of words"  # noqa: S105


@pytest.fixture(scope="module")
def website(start_here: ProcessStarter) -> Website:
    return start_website(start_here, SIGN_UPS_PER_MINUTE="1000")


@pytest.fixture
def address() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.org"


@pytest.fixture
def browser(website: Website) -> Iterator[httpx.Client]:
    with a_browser(website) as browser:
        yield browser


def a_browser(website: Website) -> httpx.Client:
    return httpx.Client(base_url=website.url, timeout=20, follow_redirects=True)


def submit(browser: httpx.Client, path: str, *, on: str = "", **fields: str) -> httpx.Response:
    """Send a form that is on the page of the path, or on another one."""
    token = re.findall(r'name="form_token" value="([^"]*)"', browser.get(on or path).text)[0]
    return browser.post(path, data={**fields, "form_token": token})


def links_of(website: Website, address: str, purpose: Purpose) -> list[Link]:
    """What the worker would send, the oldest first."""
    engine = make_engine(make_url(website.database_url))
    with Session(engine) as session:
        links = session.query(Link).where(Link.email == address, Link.purpose == purpose)
        found = links.order_by(Link.created_at).all()
    engine.dispose()
    return found


def path_of(url: str) -> str:
    return url.removeprefix(settings.public_url)


def confirm(browser: httpx.Client, link: Link) -> httpx.Response:
    return submit(browser, path_of(confirmation_url(link.id)))


def log_in(browser: httpx.Client, address: str, password: str = PASSWORD) -> httpx.Response:
    return submit(browser, "/log-in", email=address, password=password)


def make_account(website: Website, address: str) -> None:
    website.log_in(address, is_staff=False)


def test_somebody_signs_up_confirms_by_a_button_and_logs_in(
    website: Website, browser: httpx.Client, address: str
) -> None:
    # Given somebody who signed up
    submit(browser, "/sign-up", email=address, password=PASSWORD)
    [link] = links_of(website, address, Purpose.CONFIRM)
    path = path_of(confirmation_url(link.id))
    # When a mail scanner opens the link, as scanners do
    for _ in range(2):
        assert httpx.get(f"{website.url}{path}").status_code == 200
        assert httpx.head(f"{website.url}{path}").status_code == 200
    # Expect nothing to be confirmed
    assert log_in(browser, address).status_code == 422
    # When the button is pressed
    assert "Your address is confirmed." in confirm(browser, link).text
    # Expect the password to be good, and the link not any more
    page = log_in(browser, address)
    assert page.url.path == "/orders"
    assert 'href="/account"' in page.text
    assert "Sign up" not in browser.get("/").text
    assert browser.get(path).status_code == 200
    assert confirm(browser, link).status_code == 404


def test_the_password_of_a_stranger_does_not_stay_with_an_address(
    website: Website, browser: httpx.Client, address: str
) -> None:
    # Given a stranger who signs up with somebody's address, and then its owner
    website.sign_up(address)
    submit(browser, "/sign-up", email=address, password=ANOTHER_PASSWORD)
    _strangers, owners = links_of(website, address, Purpose.CONFIRM)
    # When the owner confirms
    confirm(browser, owners)
    # Expect the owner's password alone to be good
    assert log_in(browser, address, PASSWORD).status_code == 422
    assert log_in(browser, address, ANOTHER_PASSWORD).url.path == "/orders"


def test_an_expired_link_is_no_dead_end(
    website: Website, browser: httpx.Client, address: str
) -> None:
    submit(browser, "/sign-up", email=address, password=PASSWORD)
    page = browser.get("/confirm/too-old-or-forged")
    assert page.status_code == 404
    assert 'href="/sign-up/new-link"' in page.text
    # When another link is asked for, and a stranger has signed up with the address meanwhile
    submit(browser, "/sign-up", email=address, password=ANOTHER_PASSWORD)
    [action] = re.findall(
        r'card" method="post" action="([^"]*)"', browser.get("/sign-up/new-link").text
    )
    submit(browser, action, on="/sign-up/new-link", email=address, password=PASSWORD)
    # Expect it to be good for the password of whoever asks
    confirm(browser, links_of(website, address, Purpose.CONFIRM)[-1])
    assert log_in(browser, address, ANOTHER_PASSWORD).status_code == 422
    assert log_in(browser, address).url.path == "/orders"


def test_whether_an_address_has_an_account_cannot_be_told_from_answers_or_rows(
    website: Website, browser: httpx.Client
) -> None:
    # Given an address with an account, and one without
    known, unknown = (f"{uuid.uuid4().hex[:12]}@example.org" for _ in range(2))
    make_account(website, known)

    def ask(address: str) -> list[tuple[int, str]]:
        answers = [
            submit(browser, "/sign-up", email=address, password=PASSWORD),
            submit(browser, "/new-password", email=address),
            log_in(browser, address, "not the right one"),
            browser.post("/api/sessions", json={"email": address, "password": "wrong"}),
        ]
        secret = re.compile(r'name="form_token" value="[^"]*"|' + re.escape(address))
        return [(answer.status_code, secret.sub("", answer.text)) for answer in answers]

    # Expect the same answers, and the same rows to be written
    assert ask(known) == ask(unknown)
    for purpose in Purpose:
        assert len(links_of(website, known, purpose)) == len(links_of(website, unknown, purpose))


def test_a_forgotten_password_is_replaced_once_and_ends_all_sessions(
    website: Website, browser: httpx.Client, address: str
) -> None:
    # Given somebody who is logged in elsewhere, and asks for two links
    make_account(website, address)
    with a_browser(website) as elsewhere:
        log_in(elsewhere, address)
        for _ in range(2):
            submit(browser, "/new-password", email=address)
        first, second = links_of(website, address, Purpose.RESET)
        # When a new password is chosen, after one that is too weak
        path = path_of(reset_url(first.id))
        assert submit(browser, path, password=address).status_code == 422
        assert "new password is set" in submit(browser, path, password=ANOTHER_PASSWORD).text
        # Expect the old one and the other session to be good for nothing
        assert elsewhere.get("/account").url.path == "/log-in"
    assert log_in(browser, address, PASSWORD).status_code == 422
    assert log_in(browser, address, ANOTHER_PASSWORD).url.path == "/orders"
    # and neither link
    for link in (first, second):
        assert browser.get(path_of(reset_url(link.id))).status_code == 404


def test_a_confirmation_link_changes_no_password(browser: httpx.Client) -> None:
    token = confirmation_url(uuid.uuid4()).rpartition("/")[2]
    assert browser.get(f"/new-password/{token}").status_code == 404


def test_logging_out_ends_this_session_or_all(
    website: Website, browser: httpx.Client, address: str
) -> None:
    make_account(website, address)
    with a_browser(website) as second, a_browser(website) as third:
        for client in (browser, second, third):
            log_in(client, address)
        stolen = browser.cookies["bar_session"]
        submit(browser, "/log-out", on="/account", where="here")
        # Expect the cookie to be worthless, wherever a copy of it is
        copy = httpx.get(f"{website.url}/account", cookies={"bar_session": stolen})
        assert copy.status_code == 303
        assert second.get("/account").url.path == "/account"
        submit(second, "/log-out", on="/account", where="everywhere")
        assert third.get("/account").url.path == "/log-in"


def test_logging_out_once_more_in_another_tab_is_no_error(
    website: Website, browser: httpx.Client, address: str
) -> None:
    make_account(website, address)
    log_in(browser, address)
    token = re.findall(r'name="form_token" value="([^"]*)"', browser.get("/account").text)[0]
    for _ in ("one tab", "another"):
        page = browser.post("/log-out", data={"form_token": token})
        assert (page.status_code, page.url.path) == (200, "/")


def test_another_site_logs_nobody_out(
    website: Website, browser: httpx.Client, address: str
) -> None:
    make_account(website, address)
    log_in(browser, address)
    # With the cookie, which browsers do not send with a form of another site, and without it
    assert browser.post("/log-out").status_code == 403
    without = httpx.post(f"{website.url}/log-out")
    assert "bar_session=" not in without.headers.get("Set-Cookie", "")
    assert browser.get("/account").url.path == "/account"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    website: Website, browser: httpx.Client, address: str
) -> None:
    make_account(website, address)
    token = re.findall(r'name="form_token" value="([^"]*)"', browser.get("/log-in").text)[0]
    form = {"form_token": token, "email": address, "password": PASSWORD}
    answer = browser.post("/log-in", data=form, follow_redirects=False)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("bar_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    # A form from before the log-in is not good after it.
    assert browser.post("/log-in", data=form).status_code == 403


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "/a//b", "/%0d"]
)
def test_a_log_in_leads_to_no_other_site(
    website: Website, browser: httpx.Client, address: str, elsewhere: str
) -> None:
    make_account(website, address)
    page = submit(browser, "/log-in", email=address, password=PASSWORD, next=elsewhere)
    assert str(page.url) == f"{website.url}/orders"


def test_what_a_visitor_ordered_joins_the_account(
    website: Website, browser: httpx.Client, address: str
) -> None:
    # Given a visitor with an order and a standing order
    make_account(website, address)
    submit(browser, "/orders", drink="beer", key="k")
    submit(browser, "/standing-orders", drink="coffee", days="mon", time="08:00", timezone="UTC")
    # When the visitor logs in, there and on another device
    log_in(browser, address)
    with a_browser(website) as phone:
        log_in(phone, address)
        # Expect them to be there
        for client in (browser, phone):
            assert 'class="what">Beer' in client.get("/orders").text
            assert "Mon at 08:00" in client.get("/standing-orders").text
    # and to be gone for whoever uses this browser next
    submit(browser, "/log-out", on="/account")
    assert 'class="what">Beer' not in browser.get("/orders").text


def test_reports_are_for_staff(
    website: Website, start_here: ProcessStarter, browser: httpx.Client, address: str
) -> None:
    make_account(website, address)
    # Expect a stranger to be asked to log in, and a guest to be told
    assert browser.get("/reports").url.path == "/log-in"
    assert httpx.post(f"{website.url}/api/reports", json={"month": "2026-01"}).status_code == 401
    guest = website.log_in(address, is_staff=False)
    log_in(browser, address)
    refused = browser.get("/reports")
    assert refused.status_code == 403
    assert "for the staff" in refused.text
    api = {"Authorization": f"Bearer {guest}"}
    url = f"{website.url}/api/reports"
    assert httpx.post(url, json={"month": "2026-01"}, headers=api).status_code == 403
    # When the operator makes the guest staff
    command = [sys.executable, "-m", "database", "make-staff"]
    made = start_here.run([*command, address.upper()])
    assert (made.exit_code, made.stderr) == (0, "")
    # Expect reports, at once
    assert browser.get("/reports").status_code == 200
    assert httpx.post(url, json={"month": "2026-01"}, headers=api).status_code == 202
    # and no more when that is undone
    start_here.run([*command, "--undo", address])
    assert browser.get("/reports").status_code == 403
    # and that nobody is made staff who has no account
    unknown = start_here.run([*command, "nobody@example.org"])
    assert unknown.exit_code == 2
    assert "no account" in unknown.stderr


def test_a_program_logs_in_orders_for_its_account_and_logs_out(
    website: Website, browser: httpx.Client, address: str
) -> None:
    make_account(website, address)
    given = {"email": address, "password": PASSWORD}
    answer = httpx.post(f"{website.url}/api/sessions", json=given, timeout=20)
    assert answer.status_code == 201
    api = httpx.Client(
        base_url=f"{website.url}/api", headers={"Authorization": f"Bearer {answer.json()['token']}"}
    )
    with api:
        assert api.post("/orders", json={"drink": "coffee"}).status_code == 202
        log_in(browser, address)
        assert 'class="what">Coffee' in browser.get("/orders").text
        assert api.delete("/sessions/this").status_code == 204
        # Expect a token that has ended to be refused where none would do
        assert api.post("/orders", json={"drink": "coffee"}).status_code == 401


def test_a_cookie_is_no_way_into_the_api(website: Website) -> None:
    cookies = {"bar_session": website.log_in()}
    answer = httpx.post(f"{website.url}/api/reports", json={"month": "2026-01"}, cookies=cookies)
    assert answer.status_code == 401


def test_an_idempotency_key_belongs_to_who_sends_it(website: Website) -> None:
    # When three clients use the same key: two accounts and a program without one
    tokens = [website.log_in(f"{name}@example.org", is_staff=False) for name in ("a", "b")]
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens] + [{}]
    ids = [
        httpx.post(
            f"{website.url}/api/orders",
            json={"drink": "beer"},
            headers={"Idempotency-Key": "1", **given},
        ).json()["id"]
        for given in headers * 2
    ]
    # Expect an order for each
    assert len(set(ids)) == 3
    assert ids[:3] == ids[3:]


@pytest.mark.parametrize(
    "path",
    ["/", "/orders", "/log-in", "/sign-up", "/docs", "/healthz", "/readyz", "/orders/events"],
)
def test_head_has_the_head_of_get_and_no_body(browser: httpx.Client, path: str) -> None:
    head = browser.head(path)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Type"]
    assert browser.head("/no-such-page").status_code == 404


def test_log_ins_to_one_account_are_limited_from_wherever_they_come(
    start: ProcessStarter,
) -> None:
    website = start_website(start, SIGN_UPS_PER_MINUTE="3", TRUSTED_PROXIES="127.0.0.1")
    given = {"email": "ada@example.org", "password": "wrong"}

    def try_from(network: int, **changes: str) -> int:
        url, headers = f"{website.url}/api/sessions", {"X-Forwarded-For": f"192.0.2.{network}"}
        return httpx.post(url, json=given | changes, headers=headers, timeout=20).status_code

    assert [try_from(network) for network in range(1, 5)] == [401, 401, 401, 429]
    assert try_from(5, email="ADA@example.org ") == 429
    assert try_from(5, email="ada@\N{FULLWIDTH LATIN SMALL LETTER E}xample.org") == 429
    # and so are those of one network, to whatever account
    assert [try_from(6, email=f"{n}@example.org") for n in range(4)] == [401, 401, 401, 429]


def test_the_demo_lets_everybody_be_staff_and_says_so(start: ProcessStarter) -> None:
    # Given a website with the demo, where somebody has logged in as staff
    demo = start_website(start, "--demo")
    with a_browser(demo) as browser:
        assert "This is a demo" in browser.get("/log-in").text
        page = submit(browser, "/log-in/demo", on="/log-in", next="/reports")
        assert page.url.path == "/reports"
        for sent in ("/sign-up/done", "/new-password/sent"):
            assert "/mailbox" in browser.get(sent).text
        cookie = browser.cookies["bar_session"]
    # Expect neither the button nor that session to be good without it, with the same database
    usual = start_website(start)
    with a_browser(usual) as browser:
        for usual_page in ("/log-in", "/sign-up/done", "/new-password/sent"):
            assert "This is a demo" not in browser.get(usual_page).text
        assert submit(browser, "/log-in/demo", on="/log-in").status_code == 404
        browser.cookies["bar_session"] = cookie
        assert browser.get("/reports").url.path == "/log-in"


def test_who_waits_for_an_email_is_told_when_no_worker_sends_any(
    start: ProcessStarter, start_worker: Callable[..., TestProcess]
) -> None:
    told = "No worker is sending e-mails right now"
    website = start_website(start)
    with a_browser(website) as browser:
        # Given no worker for e-mails, expect the pages that promise one to say so
        eventually(lambda: told in browser.get("/sign-up/done").text)
        eventually(lambda: told in browser.get("/new-password/sent").text)
        # When one runs, expect them to promise it alone
        start_worker("email")
        eventually(lambda: told not in browser.get("/sign-up/done").text)
        eventually(lambda: told not in browser.get("/new-password/sent").text)


@pytest.mark.parametrize(
    "variables",
    [
        {"WEB_URL": "https://bar.example.org"},
        pytest.param({"TRUSTED_PROXIES": "127.0.0.1"}, marks=pytest.mark.slow),
        pytest.param(
            {"WEB_HOST": "0.0.0.0", "WEB_URL": "http://127.0.0.1:8000"},  # noqa: S104
            marks=pytest.mark.slow,
        ),
    ],
)
def test_there_is_no_demo_where_others_can_come(
    start: ProcessStarter, variables: dict[str, str]
) -> None:
    website = start_website(start, "--demo", WEB_SECRET="0123456789abcdef", **variables)
    assert "There is no demo log-in" in website.process.output
    assert "This is a demo" not in httpx.get(f"{website.url}/log-in").text


def test_a_session_travels_encrypted_unless_it_stays_on_this_machine(
    start: ProcessStarter,
) -> None:
    website = start_website(start, WEB_URL="http://bar.example.org")
    host = {"Host": "bar.example.org"}
    cookie = httpx.get(website.url, headers=host).headers["Set-Cookie"]
    assert "Secure" in cookie
    # and that browsers take it from no neighbour under the same domain
    assert cookie.startswith("__Host-bar_visitor=")
    # and that whoever runs it is told: no form can be sent without the cookie
    assert "Nobody can order or log in at http://bar.example.org" in website.process.output


def test_passwords_and_tokens_are_nowhere_in_the_database(
    website: Website, browser: httpx.Client, address: str
) -> None:
    make_account(website, address)
    log_in(browser, address)
    with sqlite3.connect(website.database_url.removeprefix("sqlite:///")) as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert PASSWORD not in dump
    assert browser.cookies["bar_session"] not in dump
