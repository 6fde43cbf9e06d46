"""What the board tells of single messages, and what can be done about them there."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import Control, Unique, find, progress
from barback.cron import cron
from barback.periodic.scheduler import TickScheduler
from tests.support.board import BoardClient, bury, send
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def client(broker: RedisBroker) -> BoardClient:
    return BoardClient(broker, trace_url="https://traces.example/trace/{trace_id}")


def _delayed(broker: RedisBroker, **options: Any) -> str:
    message: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (1,), {}, options)
    return str(broker.enqueue(message, delay=3_600_000).options["redis_message_id"])


def _state(broker: RedisBroker, redis_id: str) -> str:
    return find(broker, redis_id).state


def _kinds(client: BoardClient, redis_id: str) -> list[str]:
    page = client.json(f"/queues/beer/messages/{redis_id}")
    assert client.get(f"/queues/beer/messages/{redis_id}").status_code == 200
    return [event["kind"] for event in page["timeline"]]


def test_what_runs_is_shown_with_its_progress_and_can_be_cancelled(
    broker: RedisBroker, client: BoardClient, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given an actor that says how far it is
    broker.add_middleware(Control(remember_seconds=60))
    reached = threading.Event()

    @dramatiq.actor(broker=broker, queue_name="beer")
    def pour() -> None:
        while not reached.wait(0.02):
            progress(3, 12, "the foam settles")

    redis_id = pour.send().options["redis_message_id"]
    run_worker(threads=3)

    # When somebody looks at what runs
    def shown() -> list[dict[str, Any]]:
        return [row for row in client.json("/running")["messages"] if row["progress"]]

    (row,) = eventually(shown)

    # Expect to see who runs it, and how far it is
    assert row["id"] == redis_id
    assert row["progress"] == {"done": 3, "total": 12, "text": "the foam settles"}
    page = client.get("/running").text
    assert "1 of 3 threads of 1 worker are busy" in page
    assert "the foam settles" in page
    assert _kinds(client, redis_id) == ["sent", "started"]

    # When it is cancelled there
    answer = client.post("/messages/cancel", data={"message": f"beer:{redis_id}"})
    assert answer.status_code == 303
    eventually(lambda: _state(broker, redis_id) == "cancelled")

    # Expect its page to say so, and by whom
    assert _kinds(client, redis_id) == ["sent", "cancelled"]
    assert "by anybody" in client.get(f"/queues/beer/messages/{redis_id}").text
    reached.set()


def test_a_delayed_message_runs_now_when_somebody_says_so(
    broker: RedisBroker, client: BoardClient
) -> None:
    chosen, other = _delayed(broker), _delayed(broker)
    assert _kinds(client, chosen) == ["sent", "due"]

    answer = client.post("/messages/run", data={"message": f"beer:{chosen}", "page": "delayed"})

    assert answer.headers["location"] == "/delayed?queue=beer&did=run&count=1"
    assert (_state(broker, chosen), _state(broker, other)) == ("waiting", "delayed")
    again = client.post("/messages/run", data={"message": f"beer:{chosen}"})
    assert again.headers["location"].endswith("count=0")


def test_delayed_and_waiting_messages_are_cancelled_where_they_are_listed(
    broker: RedisBroker, client: BoardClient
) -> None:
    ids = [_delayed(broker), send(broker), send(broker)]

    answer = client.post(
        "/messages/cancel", data={"message": [f"beer:{each}" for each in ids[:2]], "page": "queue"}
    )

    assert answer.headers["location"] == "/queues/beer?did=cancel&count=2"
    assert [_state(broker, each) for each in ids] == ["cancelled", "cancelled", "waiting"]


def test_the_page_of_a_dead_letter_tells_what_it_died_of(
    broker: RedisBroker, client: BoardClient
) -> None:
    bury(broker, "d1", "order-3")

    assert _kinds(client, "d1") == ["sent", "failed", "dead"]


def test_what_is_done_is_shown_with_its_result_where_it_is_remembered(
    broker: RedisBroker, client: BoardClient, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    from dramatiq.results import Results  # noqa: PLC0415
    from dramatiq.results.backends import RedisBackend  # noqa: PLC0415

    broker.add_middleware(Control(remember_seconds=60))
    broker.add_middleware(Results(backend=RedisBackend(client=broker.client)))

    @dramatiq.actor(broker=broker, queue_name="beer", store_results=True)
    def pour() -> str:
        return "a pint"

    redis_id = pour.send().options["redis_message_id"]
    run_worker()
    eventually(lambda: _state(broker, redis_id) == "done")

    assert _kinds(client, redis_id) == ["sent", "done"]
    assert "a pint" in client.get(f"/queues/beer/messages/{redis_id}").text
    hidden = BoardClient(broker, redact=lambda _, args, kwargs: (args, kwargs))
    assert "a pint" not in hidden.get(f"/queues/beer/messages/{redis_id}").text


@pytest.mark.parametrize(
    ("carried", "is_linked"),
    [
        ({"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}, True),
        ({"traceparent": 'javascript:"'}, False),
        (["traceparent"], False),
    ],
)
def test_a_message_that_carries_a_trace_links_to_it(
    broker: RedisBroker, client: BoardClient, carried: object, *, is_linked: bool
) -> None:
    redis_id = _delayed(broker, trace_context=carried)

    page = client.get(f"/queues/beer/messages/{redis_id}").text

    assert (f'href="https://traces.example/trace/{TRACE_ID}"' in page) is is_linked


@pytest.mark.parametrize("url", ["https://traces.example/", "javascript:{trace_id}", ""])
def test_an_address_without_a_place_for_the_trace_is_refused(broker: RedisBroker, url: str) -> None:
    with pytest.raises(ValueError, match="Expected trace_url to be an http address"):
        BoardClient(broker, trace_url=url)


def test_a_periodic_actor_that_a_scheduler_told_of_is_sent_now(
    broker: RedisBroker, client: BoardClient
) -> None:
    # Given a scheduler elsewhere: this board knows its actors from Redis alone
    from barback.periodic import Periodic  # noqa: PLC0415

    broker.add_middleware(Periodic())
    plan = cron("0 4 * * *", timezone="Europe/Lisbon")
    sweep = dramatiq.actor(broker=broker, actor_name="sweep", queue_name="beer", periodic=plan)
    TickScheduler([sweep(lambda: None)], wait=lambda _: True).look()
    del broker.actors["sweep"]

    # When somebody has it run now
    (row,) = client.json("/schedules")["rows"]
    answer = client.post("/schedules/run", data={"actor": "sweep"})

    # Expect to have seen when it is due next, and a message of it to wait
    assert row["schedule"] == "0 4 * * * (Europe/Lisbon)"
    assert row["next"] > client.json("/schedules")["now"]
    assert answer.headers["location"] == "/schedules?did=run&count=1"
    (waiting,) = client.json("/queues/beer")["messages"]
    assert waiting["actor_name"] == "sweep"
    assert client.post("/schedules/run", data={"actor": "nobody"}).status_code == 404


def test_a_periodic_actor_that_waits_already_is_not_sent_now(
    broker: RedisBroker, client: BoardClient
) -> None:
    from barback.periodic import Periodic  # noqa: PLC0415

    # Given a board that declares an actor of which one message at a time is enough
    broker.add_middleware(Periodic())
    broker.add_middleware(Control())
    one = Unique(on_conflict="raise")
    sweep = dramatiq.actor(
        broker=broker, actor_name="sweep", queue_name="beer", periodic=cron("0 4 * * *"), unique=one
    )
    sweep(lambda: None).send()

    answer = client.post("/schedules/run", data={"actor": "sweep"})

    assert answer.headers["location"] == "/schedules?did=run&count=0"
    assert broker.queue_length("beer") == 1


def test_a_read_only_board_neither_cancels_nor_runs(broker: RedisBroker) -> None:
    redis_id = _delayed(broker)
    client = BoardClient(broker, read_only=True)

    for path in ("/messages/cancel", "/messages/run", "/schedules/run"):
        assert client.post(path, data={"message": f"beer:{redis_id}"}).status_code == 403
        assert client.get(path).status_code == 405
    for path in ("/delayed", "/queues/beer", f"/queues/beer/messages/{redis_id}"):
        buttons = re.findall(r"<button[^>]*>([^<]*)", client.get(path).text)
        assert set(buttons) <= {"Search"}
    assert _state(broker, redis_id) == "delayed"
