"""The lesson's page over HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from barback.embedded import EmbeddedServer
from lesson_rounds import QUEUES
from tests.support.website import Website, start_website

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis

    from tests.support.processes import ProcessStarter, TestProcess

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def website(start_here: ProcessStarter) -> Website:
    """A website for all tests that need no particular one."""
    return start_website(start_here)


@pytest.fixture
def client(website: Website, redis_url: str) -> Iterator[httpx.Client]:  # noqa: ARG001 - emptied
    with browser(website) as client:
        yield client


def browser(website: Website) -> httpx.Client:
    """A browser without JavaScript."""
    return httpx.Client(base_url=website.url, timeout=10, follow_redirects=True)


def form_of(client: httpx.Client) -> dict[str, str]:
    page = client.get("/lesson")
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))


def figures(html: str) -> list[list[str]]:
    """Per bar and drink: how many wait, are at work and are served."""
    rows = re.findall(r'scope="row">.*?</th>(.*)</tr>', html)
    return [re.findall(r"<td>(.*?)</td>", row)[:3] for row in rows]


def test_a_round_is_ordered_at_both_bars_and_once_for_each_button(
    client: httpx.Client, redis_client: redis.Redis
) -> None:
    # When somebody without JavaScript presses the button twice
    form = form_of(client)
    first, second = (client.post("/lesson", data=form) for _ in range(2))

    # Expect one round: 20 of each drink at each bar
    assert first.url == second.url
    lengths = [redis_client.llen(f"dramatiq:{name}") for name in QUEUES]
    assert lengths == [40, 20, 20]

    # and a page that says so in figures, and that nobody serves, and loads itself again
    assert figures(first.text) == [["20", "0", "0"]] * 4
    assert "No worker serves the queues lesson-both, lesson-beer, lesson-coffee" in first.text
    assert '<noscript><meta http-equiv="refresh"' in first.text

    # Expect the next button to order another one
    assert client.post("/lesson", data=form_of(client)).url != first.url
    assert redis_client.llen("dramatiq:lesson-both") == 80


def test_a_round_is_followed_until_all_is_served(
    client: httpx.Client, start_worker: Callable[..., TestProcess]
) -> None:
    # Given a round, and a worker that serves all queues
    round_url = client.post("/lesson", data=form_of(client)).url
    start_worker(*QUEUES, BEER_SECONDS="0.05")

    # When its events are followed to their end
    with client.stream("GET", f"{round_url}/events", timeout=60) as stream:
        events = "".join(stream.iter_text())

    # Expect the last of them to have everything served, and the page to need no more
    last = [event for event in events.split("\n\n") if event.startswith("event: update")][-1]
    assert figures(last) == [["0", "0", "20"]] * 4
    assert "All is served. On average, a coffee waited" in last
    page = client.get(round_url).text
    assert "data-live" not in page
    assert 'http-equiv="refresh"' not in page


def test_when_enough_wait_no_more_are_taken(
    start: ProcessStarter, redis_client: redis.Redis
) -> None:
    with browser(start_website(start, MAX_QUEUE_LENGTH="40")) as client:
        # Given as many slips as may wait
        form = form_of(client)
        assert client.post("/lesson", data=form).status_code == 200

        # Expect another round to be refused, and the same to be shown
        refused = client.post("/lesson", data=form_of(client))
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert client.post("/lesson", data=form).status_code == 200
        assert redis_client.llen("dramatiq:lesson-both") == 40


def test_slips_of_others_are_shown(website: Website, client: httpx.Client) -> None:
    client.post("/lesson", data=form_of(client))
    with browser(website) as other:
        page = other.post("/lesson", data=form_of(other)).text
    assert "and 40 of others" in page
    assert "and 20 of others" in page


def test_a_broker_that_is_away_closes_the_lesson(start: ProcessStarter, session_dir: Path) -> None:
    broker = EmbeddedServer(session_dir / "away-lesson")
    with browser(start_website(start, REDIS_URL=broker.ensure())) as client:
        form = form_of(client)
        broker.stop()
        for answer in (client.get("/lesson"), client.post("/lesson", data=form)):
            assert answer.status_code == 503
            assert "cannot be reached" in answer.text


def test_a_round_that_does_not_exist_is_not_found(client: httpx.Client) -> None:
    for round_id in ("nonsense", "0" * 32, "%00"):
        assert client.get(f"/lesson/{round_id}").status_code == 404
        assert client.get(f"/lesson/{round_id}/events").status_code == 404
