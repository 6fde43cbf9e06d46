"""The board in a real browser, over a broker with much in it."""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from barback import RedisBroker, control
from barback.messages.codec import encode_fields
from barback.sending.bulk import enqueue_all
from tests.support.polling import eventually
from tests.support.programs import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

QUEUES = ("beer", "coffee", "email", "reports", "housekeeping")
DEAD = 100_000

#: As root there is no sandbox; the others keep the browser from looking for its maker's servers.
_BROWSER_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]

_TRACEBACK = "Traceback (most recent call last):\n" + '  File "bar.py", line 1\n' * 20


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    """A broker with 5 queues, thousands that wait or are delayed, and 100,000 dead letters."""
    broker = RedisBroker(url=redis_url)
    for queue in QUEUES:
        enqueue_all(broker, (_message(queue, number) for number in range(2_000)))
    enqueue_all(broker, (_message("email", number) for number in range(5_000)), delay_ms=3_600_000)
    _bury_many(broker)
    yield broker
    broker.close()


@pytest.fixture
def url(broker: RedisBroker, redis_url: str, start: ProcessStarter, free_port: int) -> str:
    """The board, alone, as a process."""
    assert broker.client.ping()
    command = [sys.executable, "-m", "barback", "--redis-url", redis_url]
    process = start([*command, "board", "--port", str(free_port)])
    url = f"http://127.0.0.1:{free_port}"

    def answers() -> bool:
        assert process.exit_code is None, process.output
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, timeout=20).status_code == 200
        return False

    eventually(answers, timeout_seconds=60, complaint=lambda: process.output)
    return url


@pytest.fixture
def page(url: str) -> Iterator[Page]:
    """A page whose console stays free of errors."""
    chromium = require_program("chromium", install="apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_BROWSER_ARGUMENTS)
        page = browser.new_page(base_url=url, viewport={"width": 390, "height": 844})
        page.set_default_timeout(60_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda each: problems.append(each.text) if each.type == "error" else None
        )
        page.on("dialog", lambda dialog: dialog.accept())
        yield page
        browser.close()
        assert problems == []


def test_an_operator_walks_every_page_and_does_everything(
    page: Page, broker: RedisBroker, start: ProcessStarter
) -> None:
    # Three workers of the bar: their queues move while somebody watches.
    for queue in QUEUES[:3]:
        start(["dramatiq", "actors", "--processes", "1", "--threads", "2", "-Q", queue])
    expect.set_options(timeout=60_000)

    page.goto("/")
    expect(page.get_by_text("reports: 2,000 wait and no worker serves it.")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(len(QUEUES) + 1)

    # It is live: a message that is sent appears without anybody touching the page.
    enqueue_all(broker, [_message("reports", 1)])
    expect(page.get_by_text("reports: 2,001 wait and no worker serves it.")).to_be_visible()

    page.get_by_role("link", name="reports").click()
    page.get_by_label("Why").fill("tax season")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("tax season (this machine)")).to_be_visible()
    assert set(control.paused(broker)) == {"reports"}
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("The queue is resumed.")).to_be_visible()
    page.get_by_role("link", name="Next →").click()
    expect(page.get_by_text("Page 2 of 81")).to_be_visible()
    page.get_by_role("button", name="Delete all that wait").click()
    expect(page.get_by_text("2,001 messages deleted.")).to_be_visible()

    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_text("live", exact=True)).to_have_count(3)
    for name in ("Delayed", "Metrics", "Schedules"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()

    # Dead letters: by keyboard into the search, one looked at, some requeued, others deleted.
    page.get_by_role("link", name="Dead", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Dead letters")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("args.0:order-77 error:keg")
    page.keyboard.press("Enter")
    expect(page.locator("#searched")).to_contain_text(re.compile(r"1 of the latest [\d,]+ match"))
    page.locator("#letters a.id").click()
    expect(page.get_by_role("heading", name="Last traceback")).to_be_visible()
    page.get_by_role("button", name="Requeue").click()
    expect(page.get_by_text("1 message requeued.")).to_be_visible()

    page.goto("/dead?q=error:ash")
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Requeue chosen").click()
    expect(page.get_by_text("10 messages requeued.")).to_be_visible()
    page.goto("/dead?q=error:lime")
    page.get_by_role("button", name="Delete all that match").click()
    expect(page.get_by_text("Done.")).to_be_visible()
    expect(page.locator("#job")).to_contain_text("99 deleted")
    assert broker.client.zcard(broker.store.keys("beer").dead) == DEAD - 110

    # Nothing is wider than a phone.
    for path in ("/", "/dead", "/queues/beer", "/workers", "/history"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_no_look_at_the_board_holds_redis_up(url: str, broker: RedisBroker) -> None:
    client = broker.client
    client.config_set("slowlog-log-slower-than", 0)
    client.config_set("slowlog-max-len", 20_000)
    try:
        client.slowlog_reset()
        found = httpx.get(f"{url}/dead?q=error:keg&format=json", timeout=60).json()
        for path in ("/", "/dead", "/queues/beer?page=70", "/delayed?page=150", "/history"):
            assert httpx.get(f"{url}{path}", timeout=60).status_code == 200
        entries: list[Any] = client.slowlog_get(20_000)
    finally:
        client.config_set("slowlog-log-slower-than", 10_000)

    assert found["searched"] >= 1_000
    assert found["total"] == DEAD
    # The log counts the time during which other programs had the processor, too: a few entries
    # are long on a busy machine, whatever they do. Work that grows with what is stored would show
    # in all entries of its command.
    by_command: dict[bytes, list[int]] = {}
    for entry in entries:
        by_command.setdefault(entry["command"].split()[0], []).append(entry["duration"])
    slowest_us = {name: statistics.median(times) for name, times in by_command.items()}
    assert max(slowest_us.values()) < 5_000, slowest_us


def _message(queue: str, number: int) -> dramatiq.Message[Any]:
    return dramatiq.Message(queue, f"serve_a_{queue}", (f"order-{number}",), {}, {})


def _bury_many(broker: RedisBroker) -> None:
    """Make dead letters as workers do, but faster."""
    keys = broker.store.keys("beer")
    now_ms = int(time.time() * 1000)
    for start in range(0, DEAD, 2_000):
        numbers = range(start, start + 2_000)
        payloads: dict[Any, Any] = {f"d{number:06}": _payload(number) for number in numbers}
        details: dict[Any, Any] = {f"d{number:06}": _details(number) for number in numbers}
        with broker.client.pipeline(transaction=False) as pipeline:
            pipeline.zadd(keys.dead, {each: now_ms - index for index, each in enumerate(payloads)})
            pipeline.hset(keys.dead_messages, mapping=payloads)
            pipeline.hset(keys.dead_details, mapping=details)
            pipeline.execute()


def _payload(number: int) -> bytes:
    return encode_fields(_message("beer", number).asdict())


def _details(number: int) -> str:
    # A hundred of one fault, ten of another, the rest of a third.
    error = "no lime" if number < 100 else "ash in it" if 100 <= number < 110 else "keg is empty"
    if number == 77:
        error = "no lime, no keg"
    return json.dumps(
        {"reason": "failed", "error": error, "traceback": _TRACEBACK, "deliveries": 4}
    )
