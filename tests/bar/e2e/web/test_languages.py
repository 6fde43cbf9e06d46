"""Choosing a language, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.website import start_website

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.processes import ProcessStarter

pytestmark = pytest.mark.slow


def test_somebody_chooses_chinese_and_orders_without_javascript(
    start: ProcessStarter, browser: Browser
) -> None:
    website = start_website(start)
    with browser.new_context(java_script_enabled=False, locale="en-US") as context:
        page = context.new_page()
        # When somebody chooses Chinese on a page in English
        page.goto(f"{website.url}/orders")
        page.get_by_role("navigation", name="Language").get_by_role("link", name="中文").click()

        # Expect the same page in Chinese, and what follows
        expect(page.get_by_role("heading", name="您想喝点什么？")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "zh-Hans"
        page.get_by_role("button", name="点一份咖啡").click()
        expect(page.get_by_text("排队中")).to_be_visible()
        chosen = page.get_by_role("navigation", name="语言").locator("[aria-current]")
        expect(chosen).to_have_text("中文")
