"""The board in a real browser, over a broker with much in it."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING, Any

import dramatiq
import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from barback import RedisBroker, control
from barback.sending.bulk import enqueue_all
from tests.support.busy_board import DEAD, DELAYED, QUEUES, fill, message
from tests.support.polling import eventually
from tests.support.programs import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import ProcessStarter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

#: As root there is no sandbox; the others keep the browser from looking for its maker's servers.
_BROWSER_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    """A broker with 5 queues, thousands that wait or are delayed, and 100,000 dead letters."""
    broker = RedisBroker(url=redis_url)
    fill(broker)
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
        context = browser.new_context(base_url=url, viewport={"width": 390, "height": 844})
        page = context.new_page()
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
        command = ["dramatiq", "actors", "--processes", "1", "--threads", "2", "-Q", queue]
        start(command, BEER_SECONDS="120", BAR_VERSION="v-2")
    expect.set_options(timeout=60_000)

    _look_at_queues(page, broker)
    _look_at_workers(page)
    _steer_messages(page, broker)
    _sort_out_dead_letters(page, broker)

    # Nothing is wider than a phone or a desk, whatever others call their queues and actors.
    name = _store_long_names(broker)
    paths = ("/", "/running", "/delayed", "/dead", "/done", "/queues/beer", "/workers", "/history")
    of_long_names = (
        "/schedules",
        f"/queues/{name}",
        f"/delayed?queue={name}",
        f"/dead?queue={name}",
    )
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        for path in (*paths, *of_long_names, "/queues/beer?q=actor:*", "/delayed?q=state:delayed"):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def _store_long_names(broker: RedisBroker) -> str:
    """Messages of a queue with a long name, in all states; returns the name."""
    name = "long" * 100
    each: dramatiq.Message[None] = dramatiq.Message(name, name, (), {}, {})
    broker.enqueue(each)
    broker.enqueue(each, delay=3_600_000)
    keys = broker.store.keys(name)
    for hash_key in (keys.dead_messages, keys.messages):
        broker.client.hset(hash_key, name, each.encode())
    broker.client.zadd(keys.dead, {name: 4e12})
    broker.client.rpush(keys.queue, name)
    return name


def _look_at_queues(page: Page, broker: RedisBroker) -> None:
    page.goto("/")
    expect(page.get_by_text("reports: 2,000 wait and no worker serves it.")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(len(QUEUES) + 1)

    # It is live: a message that is sent appears without anybody touching the page.
    enqueue_all(broker, [message("reports", 1)])
    expect(page.get_by_text("reports: 2,001 wait and no worker serves it.")).to_be_visible()

    page.get_by_role("link", name="reports").click()
    page.get_by_label("Why", exact=True).fill("tax season")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("tax season (this machine)")).to_be_visible()
    assert set(control.paused(broker)) == {"reports"}
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("The queue is resumed.")).to_be_visible()
    page.get_by_role("link", name="Next →").click()
    expect(page.get_by_text("Page 2 of 81")).to_be_visible()
    page.get_by_role("button", name="Delete all that wait").click()
    expect(page.get_by_text("2,001 messages deleted.")).to_be_visible()


def _look_at_workers(page: Page) -> None:
    page.get_by_role("link", name="Workers", exact=True).click()
    expect(page.get_by_text("live", exact=True)).to_have_count(3)
    expect(page.get_by_role("cell", name="v-2")).to_have_count(3)
    page.get_by_role("link", name="Metrics", exact=True).click()
    expect(page.get_by_text("New versions: v-2")).to_be_visible()


def _steer_messages(page: Page, broker: RedisBroker) -> None:
    # What runs is stopped, and its page tells so.
    page.get_by_role("link", name="Running", exact=True).click()
    beers = page.get_by_role("row").filter(has_text="serve_a_beer")
    cancelled = beers.first.locator("a.id").inner_text()
    beers.filter(has_text=cancelled).get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("1 message cancelled, or asked to stop.")).to_be_visible()
    page.goto(f"/queues/beer/messages/{cancelled}")
    expect(page.locator(".timeline")).to_contain_text("Cancelled: by this machine")

    # Delayed messages: some run now, others are cancelled, one of them on its own page.
    page.get_by_role("link", name="Delayed", exact=True).click()
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Run chosen now").click()
    expect(page.get_by_text("25 messages put into the queue.")).to_be_visible()
    page.locator("table a.id").first.click()
    expect(page.locator(".timeline")).to_contain_text("Due in")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".timeline")).to_contain_text("Cancelled: by this machine")
    page.goto("/delayed")
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Cancel chosen").click()
    expect(page.get_by_text("25 messages cancelled, or asked to stop.")).to_be_visible()
    assert broker.client.zcard(broker.store.keys("email").due) == DELAYED - 51

    # A message that waits is found, and cancelled where it is listed; it is among what has ended.
    page.goto("/queues/housekeeping")
    page.get_by_label("Search").fill("args.0:order-1999")
    page.keyboard.press("Enter")
    expect(page.locator("#searched")).to_contain_text("1 of 2,000 match.")
    cancelled = page.locator("table a.id").inner_text()
    page.locator("input[name=message]").check()
    page.get_by_role("button", name="Cancel chosen").click()
    expect(page.get_by_text("1 message cancelled, or asked to stop.")).to_be_visible()
    expect(page.get_by_text("None of them matches.")).to_be_visible()
    page.get_by_role("link", name="Done", exact=True).click()
    page.get_by_role("link", name="housekeeping").click()
    expect(page.get_by_role("row").filter(has_text=cancelled)).to_contain_text("by this machine")

    # What is due by the clock runs now.
    page.get_by_role("link", name="Schedules", exact=True).click()
    page.get_by_role("row").filter(has_text="close_the_till").get_by_role("button").click()
    expect(page.get_by_text("1 message put into the queue.")).to_be_visible()


def _sort_out_dead_letters(page: Page, broker: RedisBroker) -> None:
    # By keyboard into the search, one looked at, some requeued, others deleted.
    page.get_by_role("link", name="Dead", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Dead letters")).to_be_visible()
    page.wait_for_load_state()  # before that, nobody hears the key
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


def test_all_pages_of_a_browser_share_one_stream(page: Page) -> None:
    streams: list[str] = []
    page.context.on(
        "request", lambda each: streams.append(each.url) if "/events" in each.url else None
    )
    looks: list[str] = []
    for path in ("/", "/workers", "/running"):
        another = page.context.new_page()
        another.on("request", lambda each: looks.append(each.url) if "live=1" in each.url else None)
        another.goto(path)

    def all_have_looked() -> bool:
        page.wait_for_timeout(50)  # in which the browser's events arrive
        return len({url.split("?")[0] for url in looks}) == 3

    # All of them look again when there is news, …
    eventually(all_have_looked, timeout_seconds=60)
    # … which one of them has heard.
    assert len(streams) == 1


def test_no_look_at_the_board_holds_redis_up(url: str, broker: RedisBroker) -> None:
    client = broker.client
    client.config_set("slowlog-log-slower-than", 0)
    client.config_set("slowlog-max-len", 20_000)
    try:
        client.slowlog_reset()
        for _ in range(3):
            found = httpx.get(f"{url}/dead?q=error:keg&format=json", timeout=60).json()
        pages = ["/", "/dead", "/queues/beer?page=70", "/delayed?page=150", "/history"]
        for path in 3 * (*pages, "/queues/beer?q=nobody", "/delayed?q=nobody"):
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
        words = entry["command"].split()[:2]  # with its key, or the script that it runs
        by_command.setdefault(b" ".join(words), []).append(entry["duration"])
    slowest_us = {name: min(times) for name, times in by_command.items()}
    assert max(slowest_us.values()) < 5_000, slowest_us
