"""The lesson in a real browser, with the three workers that docs/lesson.md tells to start."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.conftest import PROJECT_DIR
from tests.support.readme import read_blocks
from tests.support.website import start_website

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.processes import ProcessStarter

WORKERS = list(read_blocks(PROJECT_DIR / "docs/lesson.md"))[-1].lines

#: Notes what the page shows only for a while: a test that looks now and then may miss it.
NOTE_WHAT_PASSES = """() => {
  window.seen = { news: [], atWork: [], glides: 0 };
  const animate = Element.prototype.animate;
  Element.prototype.animate = function (...how) {
    window.seen.glides += 1;
    return animate.apply(this, how);
  };
  new MutationObserver(() => {
    window.seen.news.push(document.querySelector("[role=status]").textContent.trim());
    window.seen.atWork.push(document.querySelectorAll(".worker .slip").length);
  }).observe(document.body, { childList: true, subtree: true });
}"""

#: How long a beer takes at each bar. At the one, coffees wait for so long that the page looks
#: meanwhile, whatever else the machine does.
BEER_SECONDS = {"lesson-both": "1.5", "lesson-beer": "0.6", "lesson-coffee": "0.6"}


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
    page.evaluate(NOTE_WHAT_PASSES)

    # When the workers come, that of the coffees first: how quick they start is not of interest
    for command in map(shlex.split, reversed(WORKERS)):
        queue = command[command.index("-Q") + 1]
        worker = start(command, BEER_SECONDS=BEER_SECONDS[queue], COFFEE_SECONDS="0.02")
        worker.wait_for_output("Worker process is ready for action.")

    # Expect everything to be served, and before that the coffees with a queue of their own
    expect(news).to_contain_text("All is served. On average, a coffee waited")
    seen = page.evaluate("window.seen")
    assert any("With a queue each, all coffees are served." in text for text in seen["news"])
    # and slips to have been at workers, as many as there are threads at the most, gliding there
    assert 0 < max(seen["atWork"]) <= 8
    assert seen["glides"] > 0
    expect(page.locator(".served .slip")).to_have_count(80)
    rows = page.get_by_role("row").filter(has=page.get_by_role("cell"))
    for row in rows.all():
        expect(row.get_by_role("cell").nth(2)).to_have_text("20")
    waits = [float(wait.removesuffix(" s")) for wait in page.locator(".wait b").all_inner_texts()]
    assert waits[0] > waits[1]
    assert page.evaluate("window.seen") is not None  # the page was not loaded again

    # and to fit on a phone
    page.set_viewport_size({"width": 320, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.locator(".scroll").evaluate("table => table.scrollWidth - table.clientWidth") == 0

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
