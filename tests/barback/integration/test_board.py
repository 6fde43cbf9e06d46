"""The board over HTTP, on a real server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback import control
from barback.board.retries import count_retrying
from tests.support.board import BoardClient, bury, send
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

PAGES = ["/", "/running", "/workers", "/delayed", "/dead", "/done", "/history", "/schedules"]


@pytest.fixture
def client(broker: RedisBroker) -> BoardClient:
    return BoardClient(broker)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_before_anything_was_ever_sent(client: BoardClient, path: str) -> None:
    page = client.get(path)

    assert page.status_code == 200
    assert 'class="empty"' in page.text
    assert client.get(path, params={"format": "json"}).headers["content-type"] == (
        "application/json"
    )


def test_the_overview_warns_in_words_of_a_queue_that_nobody_serves(
    broker: RedisBroker, client: BoardClient
) -> None:
    for _ in range(3):
        send(broker)

    page = client.get("/")
    assert "beer: 3 wait and no worker serves it." in page.text
    (queue,) = client.json("/")["snapshot"]["queues"]
    assert (queue["status"]["ready"], queue["status"]["workers"]) == (3, 0)


def test_a_queue_shows_its_messages_with_arguments_in_the_order_in_which_they_run(
    broker: RedisBroker, client: BoardClient
) -> None:
    for number in range(30):
        send(broker, f"order-{number}", size="0.5 l")
    urgent: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (0,), {}, {"priority": -5})
    broker.enqueue(urgent)

    first, second = (client.json(f"/queues/beer?page={page}")["messages"] for page in (1, 2))

    assert first[0]["arguments"] == "0"
    assert first[1]["arguments"] == '"order-0", size="0.5 l"'
    assert (len(first), len(second)) == (25, 6)
    assert second[-1]["arguments"] == '"order-29", size="0.5 l"'


def test_a_message_page_tells_where_a_message_is(broker: RedisBroker, client: BoardClient) -> None:
    waiting = send(broker, "order-1")
    later: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (2,), {}, {})
    delayed = broker.enqueue(later, delay=60_000).options["redis_message_id"]
    bury(broker, "d1", "order-3")

    places = {
        redis_id: client.json(f"/queues/beer/messages/{redis_id}")["state"]
        for redis_id in (waiting, delayed, "d1")
    }

    assert places == {waiting: "waiting", delayed: "delayed", "d1": "dead"}
    assert "keg 7 is empty" in client.get("/queues/beer/messages/d1").text
    assert client.get("/queues/beer/messages/gone").status_code == 404


def test_delayed_messages_are_shown_with_the_time_that_is_left(
    broker: RedisBroker, client: BoardClient
) -> None:
    message: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (), {}, {})
    broker.enqueue(message, delay=3_600_000)

    (shown,) = client.json("/delayed")["messages"]

    assert shown["due_at"] == pytest.approx(time.time() + 3600, abs=30)


def test_a_queue_is_paused_resumed_and_purged_from_its_page(
    broker: RedisBroker, client: BoardClient
) -> None:
    for _ in range(3):
        send(broker)

    client.post("/queues/beer/pause", data={"minutes": "10", "reason": "new keg"})
    pause = control.paused(broker)["beer"]
    assert pause.reason == "new keg (anybody)"
    assert pause.until == pytest.approx(pause.since + 600)
    assert "new keg" in client.get("/queues/beer").text

    client.post("/queues/beer/resume")
    assert control.paused(broker) == {}

    answer = client.post("/queues/beer/purge")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/queues/beer?did=purge&count=3"
    assert broker.queue_length("beer") == 0


def test_what_waits_under_a_limit_is_counted_and_deleted_as_well(
    broker: RedisBroker, client: BoardClient
) -> None:
    send(broker)
    keys = broker.store.keys("beer")
    redis_id: Any = broker.client.lpop(keys.queue)
    broker.client.hset(keys.parked, redis_id, "0 1 taps")

    pages = [client.get(path).text for path in ("/", "/queues/beer")]
    assert all("<dt>Waiting</dt><dd>1</dd>" in page for page in pages)
    assert "Delete 1 message that waits in beer, for good?" in pages[1]
    assert "disabled" not in pages[1]

    assert "count=1" in client.post("/queues/beer/purge").headers["location"]
    assert broker.queue_length("beer") == 0


def test_workers_are_shown_with_their_queues(
    broker: RedisBroker, client: BoardClient, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    broker.declare_queue("beer")
    run_worker(threads=3)

    def shown() -> list[dict[str, Any]]:
        workers = client.json("/workers")["snapshot"]["workers"]
        return [each for each in workers if each["status"]["host"]]

    (worker,) = eventually(shown)
    assert worker["status"]["threads"] == 3
    assert set(worker["status"]["silence_seconds"]) == {"beer"}
    assert worker["status"]["memory_bytes"] > 1_000_000
    assert "of 3" in client.get("/workers").text


def test_a_board_whose_broker_is_gone_says_so(redis_url: str) -> None:  # noqa: ARG001
    from barback import RedisBroker  # noqa: PLC0415

    client = BoardClient(RedisBroker(url="redis://127.0.0.1:1/0", socket_connect_timeout=1))

    answer = client.get("/")

    assert answer.status_code == 503
    assert "The broker cannot be reached" in answer.text


def test_a_mounted_board_links_below_its_own_address(broker: RedisBroker) -> None:
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.routing import Mount  # noqa: PLC0415

    send(broker)
    client = BoardClient(broker)
    client.app = Starlette(routes=[Mount("/board", client.app)])

    page = client.get("/board/")
    assert 'href="/board/queues/beer"' in page.text
    assert client.get("/board/static/board.css").status_code == 200
    answer = client.post("/board/queues/beer/purge")
    assert answer.headers["location"] == "/board/queues/beer?did=purge&count=1"


def test_the_overview_tells_retries_from_what_was_sent_with_a_delay(
    broker: RedisBroker, client: BoardClient, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    @dramatiq.actor(broker=broker, queue_name="beer", min_backoff=600_000)
    def pour() -> None:
        raise RuntimeError("keg 7 is empty")

    for _ in range(3):
        pour.send()
    pour.send_with_options(delay=600_000)
    run_worker()

    def retrying() -> list[dict[str, Any]]:
        (queue,) = client.json("/")["snapshot"]["queues"]
        return [queue] if queue["status"]["delayed"] == 4 else []

    (queue,) = eventually(retrying)
    assert queue["retrying"] == {"count": 3, "is_estimate": False}
    assert "/delayed?queue=beer&amp;q=state%3Aretrying" in client.get("/").text


def test_of_very_many_delayed_messages_the_retries_are_reckoned_from_a_sample(
    broker: RedisBroker,
) -> None:
    due = broker.store.keys("beer").due
    ids = [f"{number:016}{'' if number % 4 else '.1'}" for number in range(4_000)]
    broker.client.zadd(due, dict.fromkeys(ids, 10**13))

    counted = count_retrying(broker.store, {"beer": 4_000, "coffee": 0})

    assert counted["beer"].is_estimate
    assert counted["beer"].count == pytest.approx(1_000, abs=700)  # six times the usual deviation
    assert "coffee" not in counted
