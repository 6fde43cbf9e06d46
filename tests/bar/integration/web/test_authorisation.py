"""Who may do what: each route of the website and its API, for each who may ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from tests.support.website import Website, start_website

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import ProcessStarter

PUBLIC = {
    "GET /",
    "GET /account",  # leads to the log-in
    "GET /api/openapi.json",
    "GET /api/orders/{order_id}",  # the id is known to whoever has placed it
    "GET /confirm/{token}",
    "GET /docs",
    "GET /healthz",
    "GET /lesson",
    "GET /lesson/{round_id}",
    "GET /lesson/{round_id}/events",
    "GET /log-in",
    "GET /new-password",
    "GET /new-password/sent",
    "GET /new-password/{token}",
    "GET /orders",
    "GET /orders/events",
    "GET /readyz",
    "GET /sign-up",
    "GET /sign-up/done",
    "GET /sign-up/new-link",
    "GET /standing-orders",
    "POST /api/orders",
    "POST /api/sessions",
    "POST /api/sign-ups",
    "POST /confirm/{token}",
    "POST /lesson",
    "POST /log-in",
    "POST /log-in/demo",
    "POST /log-out",
    "POST /new-password",
    "POST /new-password/{token}",
    "POST /orders",
    "POST /sign-up",
    "POST /standing-orders",
}
OWNERS = {
    "POST /api/orders/{order_id}/cancel",
    "POST /orders/{order_id}/cancel",
    "POST /standing-orders/{order_id}/{action}",
}
MEMBERS = {"DELETE /api/sessions/this"}
STREAM = "GET /reports/{report_id}/events"
STAFF = {
    STREAM,
    "GET /api/reports/{report_id}",
    "GET /reports",
    "GET /reports/{report_id}",
    "GET /reports/{report_id}/sales.csv",
    "POST /api/reports",
    "POST /api/reports/{report_id}/cancel",
    "POST /reports",
    "POST /reports/{report_id}/cancel",
}


def all_routes() -> set[str]:
    from web.app import _make_app  # noqa: PLC0415 - it takes a while to import

    routes = (route for route in iter_route_contexts(_make_app().routes) if route.methods)
    return {f"{method} {route.path}" for route in routes for method in route.methods or ()} - {
        "HEAD /api/openapi.json"
    }


FORMS = sorted(
    route for route in PUBLIC | OWNERS | STAFF if route.startswith("POST ") and "/api/" not in route
)


@dataclass(frozen=True)
class Caller:
    """A browser and a program of the same person, and a form token that is theirs."""

    client: httpx.Client
    form_token: str

    def ask(self, route: str, ids: dict[str, str], *, form_token: str | None = None) -> int:
        """The status of the answer, whose body may have no end."""
        method, path = route.format(**ids).split(" ", 1)
        content: dict[str, object] = {}
        if method == "POST":
            fields = {"drink": "beer", "key": "k", "month": "2026-01", "timezone": "UTC"}
            token = self.form_token if form_token is None else form_token
            is_api = path.startswith("/api/")
            content = {"json": fields} if is_api else {"data": fields | {"form_token": token}}
        with self.client.stream(method, path, **content) as answer:  # type: ignore[arg-type]
            if answer.status_code == 303 and "/log-in" in answer.headers["Location"]:
                return 401
            return answer.status_code


@pytest.fixture(scope="module")
def website(start_here: ProcessStarter) -> Website:
    return start_website(start_here, SIGN_UPS_PER_MINUTE="10000")


@pytest.fixture(scope="module")
def callers(website: Website) -> Iterator[dict[str, Caller]]:
    tokens = {
        "stranger": None,
        "owner": None,
        "member": website.log_in("member@example.org", is_staff=False),
        "staff": website.log_in(),
    }
    made = {}
    for name, token in tokens.items():
        client = httpx.Client(base_url=website.url, timeout=20)
        if token is not None:
            client.cookies.set("bar_session", token)
            client.headers["Authorization"] = f"Bearer {token}"
        page = client.get("/orders").text
        made[name] = Caller(client, re.findall(r'name="form_token" value="([^"]*)"', page)[0])
    yield made
    for caller in made.values():
        caller.client.close()


@pytest.fixture(scope="module")
def ids(callers: dict[str, Caller]) -> dict[str, str]:
    """What the owner has, and a report."""
    owner = callers["owner"]
    assert owner.ask("POST /orders", {}) == 303
    fields = {"form_token": owner.form_token, "drink": "beer", "timezone": "UTC"}
    owner.client.post("/standing-orders", data={**fields, "schedule": "90m"})
    report = callers["staff"].client.post("/api/reports", json={"month": "2026-02"}).json()
    [order] = re.findall(r"/orders/(\w+)/cancel", owner.client.get("/orders").text)
    standing = owner.client.get("/standing-orders").text
    return {
        "order_id": order,
        "standing_order_id": re.findall(r"/standing-orders/(\w+)/remove", standing)[0],
        "report_id": report["id"],
        "round_id": "none",
        "token": "none",
        "action": "remove",
    }


def test_each_route_is_somebodys() -> None:
    assert all_routes() == PUBLIC | OWNERS | MEMBERS | STAFF


@pytest.mark.slow
def test_reports_are_for_staff_whatever_is_asked(
    callers: dict[str, Caller], ids: dict[str, str]
) -> None:
    pages = STAFF - {STREAM}
    statuses = {
        route: [callers[who].ask(route, ids) for who in ("stranger", "member")] for route in pages
    }
    assert statuses == {route: [401, 403] for route in pages}
    # and streams to say that nothing comes, so that a page that is open loads itself again
    for who in ("stranger", "member"):
        stream = callers[who].client.get(STREAM.format(**ids).removeprefix("GET "))
        assert stream.text == "event: end\ndata:\n\n"
    # Expect none of them to have changed anything
    report = callers["staff"].client.get(f"/api/reports/{ids['report_id']}").json()
    assert report["state"] != "cancelled"
    assert {callers["staff"].ask(route, ids) for route in STAFF} <= {200, 202, 303, 404}


@pytest.mark.slow
def test_what_somebody_has_ordered_is_nobody_elses(
    callers: dict[str, Caller], ids: dict[str, str]
) -> None:
    for route in OWNERS:
        its = ids | {"order_id": ids["standing_order_id"]} if "standing" in route else ids
        for who in ("stranger", "member", "staff"):
            assert callers[who].ask(route, its) == 404, (route, who)
        if "/api/" not in route:
            assert callers["owner"].ask(route, its) == 303


@pytest.mark.slow
def test_no_form_is_taken_from_another_site_browser_or_session(
    callers: dict[str, Caller], ids: dict[str, str]
) -> None:
    for route in FORMS:
        for foreign in ("", "forged", callers["stranger"].form_token):
            assert callers["staff"].ask(route, ids, form_token=foreign) == 403, route


@pytest.mark.slow
def test_only_a_token_ends_its_session(callers: dict[str, Caller], ids: dict[str, str]) -> None:
    [route] = MEMBERS
    assert callers["stranger"].ask(route, ids) == 401
