"""Standing orders on the website."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import sqlite3
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.polling import eventually
from tests.support.website import Website, start_website

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.processes import ProcessStarter


pytestmark = pytest.mark.slow

PATH = "/standing-orders"
NEXT_YEAR = dt.datetime.now(dt.UTC).year + 1


@pytest.fixture(scope="module")
def website(start_here: ProcessStarter) -> Website:
    return start_website(start_here)


@pytest.fixture
def browser(website: Website) -> Iterator[Callable[[], httpx.Client]]:
    """Makes visitors."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(
            httpx.Client(base_url=website.url, timeout=10, follow_redirects=True)
        )


def submit(visitor: httpx.Client, path: str = PATH, **fields: str | list[str]) -> httpx.Response:
    page = visitor.get(PATH).text
    token = re.findall(r'name="form_token" value="([^"]*)"', page)[0]
    return visitor.post(path, data={**fields, "form_token": token})


def order(visitor: httpx.Client, schedule: str, timezone: str = "UTC") -> httpx.Response:
    return submit(visitor, drink="coffee", schedule=schedule, timezone=timezone)


def ids_on(page: httpx.Response) -> list[str]:
    return re.findall(r"/standing-orders/(\w+)/remove", page.text)


def test_a_visitor_makes_pauses_resumes_and_removes_standing_orders(
    browser: Callable[[], httpx.Client],
) -> None:
    # Given a visitor with one of each kind
    visitor = browser()
    assert "None yet" in visitor.get(PATH).text
    order(visitor, "0 8 * * mon-fri", "Europe/Lisbon")
    order(visitor, "90m")
    page = order(visitor, f"{NEXT_YEAR}-01-01 09:00")
    assert page.status_code == 200
    assert "Mon–Fri at 08:00 (Europe/Lisbon): in " in page.text  # noqa: RUF001
    assert "every 1 h 30 min: in 1 h" in page.text
    assert "once: in " in page.text
    first, second, third = ids_on(page)
    # When they are changed
    page = submit(visitor, f"{PATH}/{first}/pause")
    assert "(Europe/Lisbon): paused" in page.text
    page = submit(visitor, f"{PATH}/{first}/resume")
    assert "(Europe/Lisbon): in " in page.text
    page = submit(visitor, f"{PATH}/{second}/remove")
    # Expect what is left
    assert ids_on(page) == [first, third]


@pytest.mark.parametrize(
    ("schedule", "timezone", "message"),
    [
        ("0 25 * * *", "UTC", "the field hour is &#39;25&#39;, expected numbers from 0 to 23"),
        ("every day", "UTC", "expected 5 fields"),
        ("10s", "UTC", "once a minute at most"),
        ("2020-01-01 09:00", "UTC", "is in the past"),
        ("0 8 * * *", "<b>Mars</b>", "no time zone is called &#39;&lt;b&gt;Mars&lt;/b&gt;&#39;"),
    ],
)
def test_a_wrong_schedule_is_explained_and_what_was_typed_stays(
    browser: Callable[[], httpx.Client], schedule: str, timezone: str, message: str
) -> None:
    page = order(browser(), schedule, timezone)
    assert page.status_code == 422
    assert message in page.text
    assert f'value="{schedule}"' in page.text
    # and that it is shown beside the field that is wrong
    field = "timezone" if timezone != "UTC" else "schedule"
    assert re.findall(r'class="problem" id="(\w+)-problem"', page.text) == [field]


def test_days_and_a_time_are_enough(browser: Callable[[], httpx.Client]) -> None:
    # Given somebody who knows no cron
    visitor = browser()
    # When days and a time are chosen, and then no day
    page = submit(visitor, drink="beer", days=["sat", "sun"], time="18:30", timezone="Asia/Tokyo")
    none = submit(visitor, drink="beer", time="18:30", timezone="Asia/Tokyo")
    # Expect the order in words, and the day to be asked for
    assert "Sat, Sun at 18:30 (Asia/Tokyo): in " in page.text
    assert "Last ordered: not yet" in page.text
    assert none.status_code == 422
    assert re.findall(r'class="problem" id="(\w+)-problem"', none.text) == ["days"]
    assert 'value="Asia/Tokyo" selected' in none.text


def test_what_a_standing_order_has_ordered_is_among_ones_orders(
    browser: Callable[[], httpx.Client], website: Website, start_here: ProcessStarter
) -> None:
    # Given a visitor's standing order that is due
    visitor = browser()
    order(visitor, "1m")
    with sqlite3.connect(website.database_url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE standing_orders SET every_seconds = 1 WHERE every_seconds = 60")
    database.close()
    # When a scheduler runs
    start_here([sys.executable, "scheduler.py", "run"])
    # Expect its coffee on the page of orders, and the time at which it was ordered
    eventually(lambda: 'class="what">Coffee' in visitor.get("/orders").text, timeout_seconds=30)
    eventually(lambda: "Last ordered: not yet" not in visitor.get(PATH).text, timeout_seconds=30)


def test_standing_orders_are_their_visitors_own(browser: Callable[[], httpx.Client]) -> None:
    # Given an order of one visitor
    (order_id,) = ids_on(order(browser(), "0 8 * * *"))
    # When another one looks, and tries to change it
    other = browser()
    assert ids_on(other.get(PATH)) == []
    for action in ("pause", "resume", "remove"):
        assert submit(other, f"{PATH}/{order_id}/{action}").status_code == 404
    # and somebody without a form of ours makes one
    forged = other.post(PATH, data={"drink": "beer", "schedule": "5m", "timezone": "UTC"})
    # Expect a refusal
    assert forged.status_code == 403


def test_a_form_that_is_sent_twice_makes_one_standing_order(
    browser: Callable[[], httpx.Client],
) -> None:
    # Given a visitor who presses again because the answer takes its time
    visitor = browser()
    form = visitor.get(PATH).text
    fields = dict(re.findall(r'name="(form_token|key)" value="([^"]*)"', form))
    coffee = {"drink": "coffee", "days": "mon", "time": "08:00", "timezone": "UTC"}
    for _ in range(2):
        page = visitor.post(PATH, data=fields | coffee)
    # Expect one standing order
    assert len(ids_on(page)) == 1
    # and another one for what was changed in the form, and one more for the same in a new form
    assert len(ids_on(visitor.post(PATH, data=fields | coffee | {"drink": "beer"}))) == 2
    assert len(ids_on(submit(visitor, **coffee))) == 3


def test_a_visitor_has_ten_standing_orders_at_most(browser: Callable[[], httpx.Client]) -> None:
    visitor = browser()
    for _ in range(10):
        assert order(visitor, "0 8 * * *").status_code == 200
    refused = order(visitor, "0 8 * * *")
    assert refused.status_code == 422
    assert "remove one first" in refused.text
