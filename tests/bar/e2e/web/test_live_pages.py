"""Pages that follow what happens, in tabs that come and go, over networks that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.polling import eventually
from tests.support.website import start_website

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, BrowserContext, Page, Route

    from tests.support.processes import ProcessStarter, TestProcess
    from tests.support.website import Website

pytestmark = pytest.mark.slow

STREAM = "**/orders/events"


@pytest.fixture
def website(start: ProcessStarter) -> Website:
    return start_website(start)


def order(page: Page, website: Website) -> None:
    page.goto(f"{website.url}/orders")
    page.get_by_role("button", name="Order a coffee").click()
    expect(page.get_by_text("Nobody is serving coffee right now.")).to_be_visible()


def hide(page: Page, *, is_hidden: bool) -> None:
    """Make the page believe that its tab is in the background: headless tabs never are."""
    page.evaluate(
        """isHidden => {
          Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )


def test_ten_tabs_of_a_browser_have_one_stream_and_all_are_up_to_date(
    website: Website, browser: Browser, start_worker: Callable[..., TestProcess]
) -> None:
    # Given ten tabs that show the same orders
    with browser.new_context() as context:
        streams = watch_streams(context)
        first = context.new_page()
        order(first, website)
        tabs = [first, *(context.new_page() for _ in range(9))]
        for tab in tabs[1:]:
            tab.goto(f"{website.url}/orders")
        # When the coffee is served
        start_worker("coffee", COFFEE_SECONDS="0.5")
        # Expect all of them to show it, over one stream at a time
        for tab in tabs:
            expect(tab.get_by_text("Served", exact=True)).to_be_visible()
    assert max(streams) == 1


def test_a_tab_shows_no_orders_of_who_was_there_before_a_log_in(
    website: Website, browser: Browser, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a tab of a guest who waits for a coffee
    with browser.new_context() as context:
        before = context.new_page()
        order(before, website)
        # When somebody who waits for a beer logs in, in another tab that is seen, too
        token = website.log_in()
        bearer = {"Authorization": f"Bearer {token}"}
        httpx.post(f"{website.url}/api/orders", json={"drink": "beer"}, headers=bearer)
        context.add_cookies([{"name": "bar_session", "value": token, "url": website.url}])
        after = context.new_page()
        after.goto(f"{website.url}/orders")
        # Expect the coffee to be news in the first tab alone
        start_worker("coffee")
        expect(before.get_by_text("Served", exact=True)).to_be_visible()
        rows = after.locator("[data-live] .what")
        expect(rows).to_have_text(["Beer"])


def watch_streams(context: BrowserContext) -> list[int]:
    """Note how many streams are open whenever one begins."""
    is_open: set[object] = set()
    counts = [0]

    def begin(request: object) -> None:
        if request.url.endswith("/orders/events"):  # type: ignore[attr-defined]
            is_open.add(request)
            counts.append(len(is_open))

    def end(request: object) -> None:
        is_open.discard(request)

    context.on("request", begin)
    context.on("requestfinished", end)
    context.on("requestfailed", end)
    return counts


def test_a_hidden_tab_has_no_stream_and_catches_up_when_it_is_seen_again(
    website: Website, page: Page, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a tab that goes into the background
    order(page, website)
    page.goto("about:blank")  # its stream is not to be taken for that of the next page
    with page.expect_response(STREAM):
        page.goto(f"{website.url}/orders")
    with page.expect_event("requestfailed", lambda request: "/events" in request.url):
        hide(page, is_hidden=True)
    # When the coffee is served meanwhile, and the tab comes back
    worker = start_worker("coffee")
    worker.wait_for_output("Served  coffee")
    hide(page, is_hidden=False)
    # Expect it to know
    expect(page.get_by_text("Served", exact=True)).to_be_visible()


def test_a_page_that_the_browser_keeps_to_go_back_to_does_not_wait_for_the_stream(
    website: Website, browser: Browser
) -> None:
    # Given a tab with the stream, and another one that waited for it and was used for other pages
    with browser.new_context() as context:
        first, second = context.new_page(), context.new_page()
        order(first, website)
        second.goto(f"{website.url}/orders")
        second.get_by_role("link", name="Standing orders").click()
        second.get_by_role("link", name="Order", exact=True).click()
        expect(second.get_by_text("Nobody is serving coffee right now.")).to_be_visible()
        # When the first one is closed
        with second.expect_response(STREAM) as response:
            first.close()
    # Expect the stream to be that of the page that is seen
    assert response.value.ok


def test_a_page_goes_on_after_a_proxy_has_failed(
    website: Website, browser: Browser, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a proxy that answers 502 for a while
    with browser.new_context() as context:
        page = context.new_page()
        answers: list[int] = []

        def fail_twice(route: Route) -> None:
            if len(answers) < 2:
                answers.append(502)
                route.fulfill(status=502, body="Bad Gateway")
            else:
                route.continue_()

        def has_failed_twice() -> bool:
            page.wait_for_timeout(50)  # Playwright looks at the network meanwhile
            return len(answers) == 2

        page.route(STREAM, fail_twice)
        order(page, website)
        eventually(has_failed_twice)
        # When the coffee is served after that
        start_worker("coffee")
        # Expect the page to show it
        expect(page.get_by_text("Served", exact=True)).to_be_visible()


def test_an_open_report_goes_to_the_log_in_when_its_session_has_ended(
    website: Website, page: Page
) -> None:
    # Given a report that is watched, and that nobody makes
    token = website.log_in()
    page.context.add_cookies([{"name": "bar_session", "value": token, "url": website.url}])
    bearer = {"Authorization": f"Bearer {token}"}
    month = {"month": "2026-02"}
    report = httpx.post(f"{website.url}/api/reports", json=month, headers=bearer).json()["id"]
    with page.expect_response("**/events"):
        page.goto(f"{website.url}/reports/{report}")
    # When somebody logs out meanwhile, elsewhere
    httpx.delete(f"{website.url}/api/sessions/this", headers=bearer).raise_for_status()
    hide(page, is_hidden=True)
    hide(page, is_hidden=False)
    # Expect the page not to stand still
    page.wait_for_url(f"{website.url}/log-in?next=/reports/{report}")
