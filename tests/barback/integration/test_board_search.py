"""Messages that wait or are delayed are searched on the board, a step at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.sending.bulk import enqueue_all
from tests.support.board import BoardClient

if TYPE_CHECKING:
    from barback import RedisBroker

pytestmark = pytest.mark.everywhere


@pytest.fixture
def client(broker: RedisBroker) -> BoardClient:
    return BoardClient(broker)


def message(number: int, actor: str = "pour", **options: Any) -> dramatiq.Message[Any]:
    return dramatiq.Message(
        queue_name="beer",
        actor_name=actor,
        args=(f"order-{number}",),
        kwargs={"table": {"number": number}},
        options=options,
    )


def found(client: BoardClient, path: str, query: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(path, params={"q": query, "format": "json", **parameters})
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()
    return data


def arguments(data: dict[str, Any]) -> list[str]:
    return [each["arguments"].partition(",")[0].strip('"') for each in data["messages"]]


@pytest.mark.parametrize("path", ["/queues/beer", "/delayed?queue=beer"])
@pytest.mark.parametrize(
    ("query", "orders"),
    [
        ("actor:pour", ["order-1", "order-2"]),
        ("actor:br*", ["order-3"]),
        ("args.0:order-2", ["order-2"]),
        ("args.table.number:3", ["order-3"]),
        ("args.table.².number:3", []),
        ("ORDER-1", ["order-1"]),
        ("error:empty", ["order-2"]),
        ("actor:pour error:empty args.0:order-1", []),
        ("nowhere", []),
    ],
)
def test_messages_are_found_by_what_is_known_of_them(
    broker: RedisBroker, client: BoardClient, path: str, query: str, orders: list[str]
) -> None:
    delay = None if path.startswith("/queues") else 60_000
    failed = message(2, retries=1, traceback="Traceback …\nKegEmpty: keg 7 is empty")
    for each in (message(1), failed, message(3, "brew")):
        broker.enqueue(each, delay=delay)

    page, _, parameters = path.partition("?")
    data = found(client, page, query, **dict([parameters.split("=")] if parameters else []))

    assert sorted(arguments(data)) == orders
    assert (data["first"], data["end"], data["count"]) == (0, 3, 3)


def test_a_message_is_found_by_either_of_its_ids(broker: RedisBroker, client: BoardClient) -> None:
    broker.enqueue(message(1))
    sent = broker.enqueue(message(2))

    for its_id in (sent.message_id, sent.options["redis_message_id"]):
        assert arguments(found(client, "/queues/beer", f"id:{its_id[:10]}")) == ["order-2"]


def test_retries_are_told_from_what_was_sent_with_a_delay(
    broker: RedisBroker, client: BoardClient
) -> None:
    broker.enqueue(message(1), delay=60_000)
    broker.enqueue(message(2, retries=3), delay=60_000)

    states = {
        state: arguments(found(client, "/delayed", f"state:{state}"))
        for state in ("delayed", "retrying", "waiting")
    }

    assert states == {"delayed": ["order-1"], "retrying": ["order-2"], "waiting": []}


def test_a_search_looks_at_some_at_a_time_says_so_and_goes_on(
    broker: RedisBroker, client: BoardClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given more than a step looks at, some of them more urgent than the others
    monkeypatch.setattr("barback.board.held.STEP_SIZE", 100)
    monkeypatch.setattr("barback.board.held.BATCH_SIZE", 30)
    enqueue_all(broker, (message(number) for number in range(150)))
    enqueue_all(broker, (message(number, priority=-1) for number in (777, 778)))
    enqueue_all(broker, (message(number) for number in range(150)), delay_ms=60_000)

    # Expect each step to say what it has looked at, and to lead to the next one
    first = client.get("/queues/beer", params={"q": "args.0:order-14*"})
    assert "1 match among the first 100 of 152." in first.text
    assert "q=args.0%3Aorder-14%2A&amp;from=100" in first.text
    second = client.get("/queues/beer", params={"q": "args.0:order-14*", "from": 100})
    assert "10 match among numbers 101 to 152 of 152." in second.text
    assert "from=152" not in second.text
    urgent = found(client, "/queues/beer", "args.0:order-77?")
    assert arguments(urgent) == ["order-777", "order-778"]
    steps = [found(client, "/delayed", "args.0:order-14*", **{"from": it}) for it in (0, 100)]
    assert [step["end"] for step in steps] == [100, 150]
    assert sum(len(step["messages"]) for step in steps) == 11


def test_a_step_ends_with_as_many_as_fit_on_a_page(
    broker: RedisBroker, client: BoardClient
) -> None:
    enqueue_all(broker, (message(number) for number in range(120)))

    data = found(client, "/queues/beer", "actor:pour", **{"from": 40})

    assert (len(data["messages"]), data["first"], data["end"]) == (50, 40, 90)


def test_what_was_found_is_cancelled_and_the_search_stays(
    broker: RedisBroker, client: BoardClient
) -> None:
    enqueue_all(broker, (message(number) for number in range(20)))
    (shown,) = found(client, "/queues/beer", "args.0:order-7")["messages"]
    assert 'name="q" value="args.0:order-7"' in client.get("/queues/beer?q=args.0:order-7").text

    form = {"message": f"beer:{shown['id']}", "page": "queue", "q": "args.0:order-7"}
    answer = client.post("/messages/cancel", data=form)

    assert answer.headers["location"] == "/queues/beer?q=args.0%3Aorder-7&did=cancel&count=1"
    assert broker.queue_length("beer") == 19
    assert "None of them matches." in client.get(answer.headers["location"]).text


def test_a_message_that_is_too_large_is_found_by_its_id_alone(
    broker: RedisBroker, client: BoardClient
) -> None:
    large: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", ("x" * 100_000,), {}, {})
    redis_id = broker.enqueue(large).options["redis_message_id"]

    assert found(client, "/queues/beer", "actor:pour")["messages"] == []
    (shown,) = found(client, "/queues/beer", f"id:{redis_id}")["messages"]
    assert shown["size_bytes"] > 100_000


def test_arguments_that_are_hidden_are_not_found(broker: RedisBroker) -> None:
    client = BoardClient(broker, redact=lambda _actor, _args, _kwargs: (["hidden"], {}))
    broker.enqueue(message(1))

    assert found(client, "/queues/beer", "order-1")["messages"] == []
    assert arguments(found(client, "/queues/beer", "hidden")) == ["hidden"]


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"q": "fault:0"}, "Nothing is called &#39;fault&#39;. Search by actor, id, error, state"),
        ({"q": 'error:"never ends'}, "The search cannot be read"),
        ({"q": "actor:*\0"}, "The search cannot be read: it has control characters"),
        ({"q": "beer", "from": "-1"}, "Expected from to be a number from 0 on"),
        ({"q": "beer", "from": "9" * 5000}, "Expected from to be a number from 0 on"),
    ],
)
def test_a_search_that_makes_no_sense_is_explained(
    broker: RedisBroker, client: BoardClient, parameters: dict[str, str], problem: str
) -> None:
    broker.enqueue(message(1))

    answer = client.get("/queues/beer", params=parameters)

    assert answer.status_code == 400
    assert problem in answer.text
