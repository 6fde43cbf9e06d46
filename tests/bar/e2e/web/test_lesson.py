"""The lesson in a real browser, with the three workers that docs/lesson.md tells to start."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually
from tests.support.readme import read_blocks
from tests.support.website import start_website

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.processes import ProcessStarter

WORKERS = list(read_blocks(PROJECT_DIR / "docs/lesson.md"))[-1].lines


@pytest.mark.slow
def test_slips_go_from_queue_to_worker_while_somebody_watches(
    start: ProcessStarter, page: Page, browser: Browser
) -> None:
    # When somebody orders by keyboard, while no worker is there
    website = start_website(start)
    page.goto(f"{website.url}/lesson")
    page.get_by_role("button", name="Order 20 of each").focus()
    page.keyboard.press("Enter")

    # Expect it to be said, all slips to be in their queues, and the focus to be where it was
    news = page.get_by_role("status")
    expect(news).to_contain_text("No worker serves the queues lesson-both, lesson-beer")
    expect(page.locator(".queue .slip")).to_have_count(80)
    expect(page.get_by_role("button", name="Order 20 of each")).to_be_focused()
    page.evaluate("window.wasNotReloaded = true")

    # When the workers come, that of the coffees first: how quick they start is not of interest
    for command in reversed(WORKERS):
        worker = start(shlex.split(command), BEER_SECONDS="0.6", COFFEE_SECONDS="0.02")
        worker.wait_for_output("Worker process is ready for action.")

    # Expect slips at workers, as many as there are threads at the most, gliding there
    expect(page.locator(".worker .slip").first).to_be_visible()
    eventually(lambda: page.evaluate("document.getAnimations().length") > 0)
    assert page.locator(".worker .slip").count() <= 8

    # Expect the coffees with a queue of their own to be served first, and then everything
    expect(news).to_contain_text("With a queue each, all coffees are served.")
    expect(news).to_contain_text("All is served. On average, a coffee waited")
    expect(page.locator(".served .slip")).to_have_count(80)
    rows = page.get_by_role("row").filter(has=page.get_by_role("cell"))
    for row in rows.all():
        expect(row.get_by_role("cell").nth(2)).to_have_text("20")
    waits = [float(wait.removesuffix(" s")) for wait in page.locator(".wait b").all_inner_texts()]
    assert waits[0] > waits[1]
    assert page.evaluate("window.wasNotReloaded")

    # and to fit on a phone
    page.set_viewport_size({"width": 320, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320

    # Expect the same without JavaScript: the page loads itself again
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto(f"{website.url}/lesson")
        plain.get_by_role("button", name="Order 20 of each").click()
        expect(plain.get_by_role("link", name="reload it")).to_be_visible()
        expect(plain.get_by_role("status")).to_contain_text("All is served.")


@pytest.mark.slow
def test_nothing_glides_for_those_who_want_no_motion(
    start: ProcessStarter, browser: Browser
) -> None:
    website = start_website(start)
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.add_init_script("Element.prototype.animate = () => { window.hasMoved = true; };")
        page.goto(f"{website.url}/lesson")
        page.get_by_role("button", name="Order 20 of each").click()
        expect(page.locator(".queue .slip")).to_have_count(80)
        command = ["dramatiq", "actors", "-Q", "lesson-both", "lesson-beer", "lesson-coffee"]
        start([*command, "--processes", "1"])
        expect(page.locator(".served .slip")).to_have_count(80)
        assert page.evaluate("window.hasMoved") is None
