"""The interactive description of the JSON API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.website import start_website

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.processes import ProcessStarter

_DARK = re.compile(r"rgb\(\d{1,2}, \d{1,2}, \d{1,2}\)")
_BRIGHT = re.compile(r"rgb\(2\d\d, 2\d\d, 2\d\d\)")


@pytest.mark.slow
def test_an_order_can_be_tried_on_the_page_of_the_api(start: ProcessStarter, page: Page) -> None:
    # Given the page, with nothing from elsewhere and no error in its console
    website = start_website(start)
    page.goto(f"{website.url}/docs")
    # When somebody tries an order there
    page.get_by_text("Place an order.").or_(page.get_by_text("Post Order")).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    # Expect the answer
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("202")
    # and letters that can be read by night
    path = page.locator(".opblock-summary-path").first
    expect(path).to_have_css("color", _DARK)
    page.emulate_media(color_scheme="dark")
    expect(path).to_have_css("color", _BRIGHT)
    # and none of what the website's own buttons and figures look like
    name = page.locator(".json-schema-2020-12-accordion").first
    expect(name).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    expect(name).to_have_css("padding", "0px")
    expect(page.locator(".response .microlight").first).to_have_css("text-align", "left")
