"""What people do on the website, in a real browser, with real workers."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from database.engine import make_engine
from database.links import Purpose, add_link
from mail.links import reset_url
from tests.support.polling import eventually
from tests.support.website import PASSWORD, Website, start_mail_server, start_website

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Route

    from tests.support.processes import ProcessStarter, TestProcess

pytestmark = pytest.mark.slow

PATHS = [
    "/",
    "/lesson",
    "/orders",
    "/standing-orders",
    "/reports",
    "/account",
    "/log-in",
    "/new-password",
    "/sign-up",
    "/sign-up/done",
    "/docs",
    "/no-such-page",
]

#: Notes what the page shows from now on: a test that looks now and then may miss what passes by.
NOTE_UPDATES = """() => {
  window.shown = [];
  new MutationObserver(() => window.shown.push(document.body.textContent))
    .observe(document.body, { childList: true, subtree: true });
}"""


@pytest.fixture
def website(start: ProcessStarter) -> Website:
    return start_website(start)


def start_worker(start: ProcessStarter, queue: str, **variables: str) -> TestProcess:
    command = ["dramatiq", "actors", "-Q", queue, "--processes", "1", "--threads", "2"]
    return start(command, **variables)


def log_in(page: Page, website: Website) -> None:
    """As one of the staff, who see the reports."""
    page.context.add_cookies(
        [{"name": "bar_session", "value": website.log_in(), "url": website.url}]
    )


def link_in(mail: dict[str, Any], path: str) -> str:
    found = re.search(rf"http://\S+/{path}/\S+", mail["text"])
    assert found is not None
    return found[0]


def fill_and_send(page: Page, password: str, button: str) -> None:
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name=button).click()


def test_somebody_signs_up_confirms_logs_in_and_chooses_another_password(
    website: Website, start: ProcessStarter, page: Page, tmp_path: Path
) -> None:
    # When a visitor orders something and signs up, while no worker is there to send e-mails
    page.goto(f"{website.url}/orders")
    page.get_by_role("button", name="Order a coffee").click()
    page.goto(f"{website.url}/sign-up")
    fill_and_send(page, PASSWORD, "Sign up")

    # Expect an answer all the same
    expect(page.get_by_role("heading", name="Thank you.")).to_be_visible()

    # When a worker comes
    mail_server = start_mail_server(start, tmp_path / "mails")
    start_worker(start, "email", SMTP_URL=mail_server.url, WEB_URL=website.url)

    # Expect the e-mail, and a button behind its link that confirms the address
    [mail] = eventually(mail_server.accepted, timeout_seconds=30)
    assert mail["to"] == ["ada@example.org"]
    page.goto(link_in(mail, "confirm"))
    page.get_by_role("button", name="Confirm my address").click()
    expect(page.get_by_role("heading", name="Your address is confirmed.")).to_be_visible()

    # When the visitor logs in, expect the order to be there, and "Log in" not any more
    page.get_by_role("main").get_by_role("link", name="Log in").click()
    fill_and_send(page, PASSWORD, "Log in")
    expect(page.get_by_role("list").get_by_text("Coffee", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Log in")).to_have_count(0)

    # When the password is changed by e-mail
    page.get_by_role("link", name="Account").click()
    page.get_by_role("link", name="Choose a new password").click()
    page.get_by_role("button", name="Send the link").click()
    mail = eventually(lambda: mail_server.accepted()[1:], timeout_seconds=30)[0]
    page.goto(link_in(mail, "new-password"))
    page.get_by_label("New password").fill("quite another set of words")
    page.get_by_role("button", name="Set the password").click()

    # Expect to log in anew with that one
    expect(page.get_by_text("Your new password is set.")).to_be_visible()
    fill_and_send(page, "quite another set of words", "Log in")
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()


def test_a_standing_order_is_made_without_knowing_cron(website: Website, browser: Browser) -> None:
    # Given somebody in Lisbon
    with browser.new_context(timezone_id="Europe/Lisbon") as context:
        page = context.new_page()
        page.goto(f"{website.url}/standing-orders")
        # Expect the browser's time zone to be chosen, and days and a time to be enough
        expect(page.get_by_label("Time zone")).to_have_value("Europe/Lisbon")
        page.get_by_label("Mon").uncheck()
        page.get_by_label("Time", exact=True).fill("18:30")
        page.get_by_role("button", name="Make a standing order").click()
        expect(page.get_by_text("Tue, Wed, Thu, Fri at 18:30 (Europe/Lisbon): in ")).to_be_visible()
        expect(page.get_by_text("Last ordered: not yet")).to_be_visible()


def test_an_order_is_followed_from_the_queue_to_the_table(
    website: Website, start: ProcessStarter, page: Page
) -> None:
    # When somebody orders two coffees while nobody serves
    page.goto(f"{website.url}/orders")
    for _ in range(2):
        page.get_by_role("button", name="Order a coffee").click()
    expect(page.get_by_text("First in the queue.")).to_be_visible()
    expect(page.get_by_text("1 before you.")).to_be_visible()

    # When a worker comes, who is busy for longer than the website until it looks again
    page.evaluate(NOTE_UPDATES)
    start_worker(start, "coffee", COFFEE_SECONDS="5")

    # Expect the page to show it without being loaded again
    expect(page.get_by_text("Served", exact=True)).to_have_count(2)
    assert any("Being served" in shown for shown in page.evaluate("window.shown"))


def test_a_report_survives_its_worker(website: Website, start: ProcessStarter, page: Page) -> None:
    # Given sales, and a report whose worker is killed midway
    start.run([sys.executable, "-m", "database", "demo-data", "--rows", "20000"])
    worker = start_worker(start, "reports", REPORT_DAY_SECONDS="1")
    log_in(page, website)
    page.goto(f"{website.url}/reports")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text(re.compile(r"^[3-9] of \d\d days$"))).to_be_visible()
    report_url = page.url
    worker.kill()

    # When somebody presses the button again
    page.goto(f"{website.url}/reports")
    page.get_by_role("button", name="Make the report").click()

    # Expect the same report, and another worker to go on with it
    expect(page).to_have_url(report_url)
    start_worker(start, "reports", REPORT_DAY_SECONDS="0.01")
    expect(page.get_by_role("heading", name="Revenue by day")).to_be_visible()
    assert page.locator(".chart rect").count() >= 28
    page.goto(f"{website.url}/reports")
    expect(page.get_by_role("listitem")).to_have_count(1)

    # Expect its figures as a file for spreadsheets
    page.goto(report_url)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "day,drink,sold,revenue,currency"
    assert len(lines) > 28


def test_a_report_can_be_cancelled(website: Website, start: ProcessStarter, page: Page) -> None:
    # Given a report that is being made
    start_worker(start, "reports", REPORT_DAY_SECONDS="60")
    log_in(page, website)
    page.goto(f"{website.url}/reports")
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("Adding up the days")).to_be_visible()

    # When it is cancelled
    page.get_by_role("button", name="Cancel the report").click()

    # Expect it to stay cancelled, and to be offered again
    expect(page.get_by_text("Cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Make it again")).to_be_visible()


def test_ordering_needs_no_javascript(
    website: Website, start: ProcessStarter, browser: Browser
) -> None:
    start_worker(start, "beer")
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{website.url}/orders")
        page.get_by_role("button", name="Order a beer").click()
        # The page loads itself again every few seconds.
        expect(page.get_by_text("Served", exact=True)).to_be_visible()


def test_what_is_ordered_after_going_back_is_another_one(website: Website, page: Page) -> None:
    # Given somebody who has ordered, and goes back to the page as it was before
    page.goto(f"{website.url}/orders")
    page.get_by_role("button", name="Order a coffee").click()
    drinks = page.get_by_role("listitem")
    expect(drinks).to_have_count(1)
    page.go_back(wait_until="commit")
    # Expect what was ordered to be there, and another order to be one
    expect(drinks).to_have_count(1)
    page.get_by_role("button", name="Order a coffee").click()
    expect(drinks).to_have_count(2)


def test_what_was_typed_and_not_sent_is_there_after_going_back(
    website: Website, page: Page
) -> None:
    # Given somebody who fills in a form, and looks at another page before sending it
    page.goto(f"{website.url}/standing-orders")
    page.get_by_label("Drink").select_option("beer")
    page.get_by_label("Time", exact=True).fill("11:30")
    page.get_by_role("link", name="Order", exact=True).click()
    page.wait_for_url("**/orders")
    page.go_back(wait_until="commit")
    # Expect the form to be as it was left, and to be good
    page.get_by_role("button", name="Make a standing order").click()
    expect(page.get_by_role("listitem").filter(has_text="Beer")).to_contain_text("at 11:30")


def test_going_back_to_a_form_that_was_refused_asks_nothing(
    website: Website, browser: Browser
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        # Given somebody who mistypes the password, and looks for what helps
        page.goto(f"{website.url}/log-in")
        page.get_by_label("E-mail address").fill("ada@example.org")
        page.get_by_label("Password").fill("mistyped")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="Forgotten the password?").click()
        page.wait_for_url("**/new-password")
        page.go_back(wait_until="commit")
        # Expect the form to be as it was, and no question whether to send it again
        expect(page.get_by_text("do not belong together")).to_be_visible()
        expect(page.get_by_label("E-mail address")).to_have_value("ada@example.org")


def test_a_double_click_sends_a_form_once(website: Website, page: Page) -> None:
    # Given somebody far away, who hears of the first click only after the second one
    sent: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route)
        else:
            route.continue_()

    page.route("**/sign-up", hold)
    page.goto(f"{website.url}/sign-up")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").evaluate(
        "button => new Promise(resolve => {"
        "  button.click();"
        "  setTimeout(() => { button.click(); resolve(); }, 100);"
        "})"
    )
    eventually(lambda: page.title() and sent)
    sent[0].continue_()
    expect(page.get_by_role("heading", name="Thank you.")).to_be_visible()
    assert len(sent) == 1


def test_the_keyboard_is_enough_to_order(website: Website, page: Page) -> None:
    page.goto(f"{website.url}/orders")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    while not page.get_by_role("button", name="Order a beer").evaluate(
        "button => button === document.activeElement"
    ):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("list").get_by_text("Beer", exact=True)).to_be_visible()
    # and the keyboard to be where it was
    expect(page.get_by_role("button", name="Order a beer")).to_be_focused()

    # and to go on beside it after changing one's mind
    page.get_by_role("button", name="Cancel the beer").press("Enter")
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Your orders")).to_be_focused()


def test_an_update_takes_neither_the_focus_nor_a_click_from_a_button(
    website: Website, page: Page
) -> None:
    # Given an order that waits, and a tab in which more can be ordered
    page.goto(f"{website.url}/orders")
    page.get_by_role("button", name="Order a beer").click()
    cancel = page.get_by_role("button", name="Cancel the beer")
    another_tab = page.context.new_page()
    another_tab.goto(f"{website.url}/orders")
    rows = page.get_by_role("list").get_by_role("listitem")

    # When news come while its button has the keyboard's focus
    cancel.focus()
    another_tab.get_by_role("button", name="Order a coffee").click()
    expect(rows).to_have_count(2)

    # Expect it to have it still
    expect(cancel).to_be_focused()

    # When news of a third order come while it is pressed
    page.evaluate(
        """() => {
          const session = document.querySelector("[name=form_token]").value;
          window.news = new BroadcastChannel(`en ${session} /orders/events`);
          window.news.onmessage = ({ data }) => {
            if (data.html?.split("<li>").length === 4) document.title = "News";
          };
        }"""
    )
    cancel.hover()
    page.mouse.down()
    another_tab.get_by_role("button", name="Order a coffee").click()
    expect(page).to_have_title("News")
    page.mouse.up()

    # Expect it to do what it says
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()


def test_pages_fit_on_phones(website: Website, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        log_in(page, website)
        for path in PATHS:
            page.goto(f"{website.url}{path}")
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
            for width in (320, 360, 480):
                page.set_viewport_size({"width": width, "height": 740})
                # The links of the navigation are on one line.
                links = page.get_by_label("Main").get_by_role("link").all()[1:]
                assert len({link.bounding_box()["y"] for link in links}) == 1, (path, width)  # type: ignore[index]
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_long_words_fit_on_phones(website: Website, browser: Browser) -> None:
    # Given a long address and a long cron expression, in which there is nothing to break at
    address = "maximilian.mustermann@informatik.universitaet-musterstadt.example.org"
    engine = make_engine(make_url(website.database_url))
    with Session(engine) as session, session.begin():
        link_id = add_link(session, Purpose.RESET, address)
    engine.dispose()
    assert link_id is not None
    with browser.new_context(viewport={"width": 320, "height": 740}) as context:
        page = context.new_page()
        page.goto(f"{website.url}/standing-orders")
        page.get_by_text("Another rhythm").click()
        page.get_by_label("Instead of days and time").fill(
            f"{','.join(map(str, range(60)))} 8 * * *"
        )
        page.get_by_role("button", name="Make a standing order").click()
        expect(page.get_by_role("button", name="Remove")).to_be_visible()
        widths = [page.evaluate("document.documentElement.scrollWidth")]
        page.goto(website.url + urlsplit(reset_url(link_id)).path)
        expect(page.get_by_text(address)).to_be_visible()
        widths.append(page.evaluate("document.documentElement.scrollWidth"))
    # Expect the pages to be as wide as the phone
    assert widths == [320, 320]
