"""A real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.programs import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

#: As root there is no sandbox; the others keep the browser from looking for its maker's servers.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: How long a page may take to show what a test waits for, in milliseconds.
DEADLINE_MS = 30_000


# Of a module, not of the session: an event loop runs in this thread until Playwright ends, and in
# that a later test could not run its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = require_program("chromium", install="apt-get install chromium")
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=_ARGUMENTS,
            # People's browsers keep the pages to which they can go back.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose console stays free of errors."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(DEADLINE_MS)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        yield page
        assert problems == []
