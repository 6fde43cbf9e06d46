"""What was done or cancelled lately is listed on the board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback.control import Control, cancel, find, list_ended
from tests.support.board import BoardClient, send
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

HOW_TO = "Control(remember_seconds=3600)"


@pytest.fixture
def client(broker: RedisBroker) -> BoardClient:
    return BoardClient(broker)


@pytest.fixture
def pour(broker: RedisBroker) -> dramatiq.Actor[[], None]:
    """An actor whose messages are remembered."""
    broker.add_middleware(Control(remember_seconds=60))
    return dramatiq.actor(broker=broker, queue_name="beer", actor_name="pour")(lambda: None)


def is_done(broker: RedisBroker, message: dramatiq.Message[None]) -> None:
    eventually(lambda: find(broker, message.options["redis_message_id"]).state == "done")


def test_what_has_ended_is_listed_the_latest_first_though_it_is_kept_for_different_times(
    broker: RedisBroker,
    client: BoardClient,
    pour: dramatiq.Actor[[], None],
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given one that was done, one that was cancelled then, and another that was done after that
    cancelled = pour.send_with_options(delay=600_000)
    first = pour.send()
    run_worker()
    is_done(broker, first)
    cancel(broker, cancelled.message_id, reason="spilt")
    last = pour.send()
    is_done(broker, last)

    # Expect them in that order, with who did it, and a link to what has happened to each
    data = client.json("/done?queue=beer")
    ids = [each.options["redis_message_id"] for each in (last, cancelled, first)]
    assert [each["id"] for each in data["messages"]] == ids
    assert [each["state"] for each in data["messages"]] == ["done", "cancelled", "done"]
    assert data["queues"] == {"beer": 3}
    page = client.get("/done").text
    assert f'href="/queues/beer/messages/{ids[0]}"' in page
    assert "spilt" in page
    assert data["messages"][0]["worker"] in page
    assert HOW_TO not in page


def test_where_nothing_is_remembered_the_page_says_how_to_turn_it_on(broker: RedisBroker) -> None:
    assert HOW_TO in BoardClient(broker).get("/done").text

    # Cancelled ones are remembered all the same.
    cancel(broker, send(broker), reason="spilt")
    page = BoardClient(broker).get("/done").text
    assert "spilt" in page
    assert HOW_TO in page


def test_a_long_list_has_pages_and_one_that_is_too_long_is_cut(
    broker: RedisBroker,
    client: BoardClient,
    pour: dramatiq.Actor[[], None],
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    for _ in range(60):
        pour.send()
    run_worker()
    eventually(lambda: len(list_ended(broker, "beer")) == 60)

    first, second = (client.json(f"/done?queue=beer&page={page}") for page in (1, 2))
    assert (len(first["messages"]), len(second["messages"]), first["pages"]) == (50, 10, 2)
    assert len({each["id"] for each in first["messages"] + second["messages"]}) == 60
    assert len(list_ended(broker, "beer", at_most=7)) == 7


def test_what_is_to_be_forgotten_is_not_listed(broker: RedisBroker) -> None:
    redis_id = send(broker)
    cancel(broker, redis_id)
    assert [each.id for each in list_ended(broker, "beer")] == [redis_id]

    broker.client.zadd(broker.store.keys("beer").ended, {redis_id: 1})

    assert list_ended(broker, "beer") == []
