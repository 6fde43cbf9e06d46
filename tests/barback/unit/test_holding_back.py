"""Messages of paused queues that a worker has taken ahead."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis

from barback.consuming.holding_back import HoldingBack
from barback.messages.delivery import Delivery
from barback.speedups.work_queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barback.consuming.acknowledging import Acknowledger
    from barback.store.store import Store

ACROSS_SHARDS = {"beer": "one", "coffee": "two"}


class Counter:
    """Takes messages back, unless Redis is away."""

    def __init__(self) -> None:
        self.back: list[str] = []
        self.is_away = False

    def hold_back(self, deliveries: Sequence[Delivery]) -> None:
        if self.is_away:
            raise redis.ConnectionError
        self.back += [delivery.redis_id for delivery in deliveries]


class Servers:
    """Knows where queues are, and hears of pauses that have ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.shard = ACROSS_SHARDS.__getitem__

    def control_calls(self, queue_name: str) -> Any:
        return SimpleNamespace(note_end_of_pause=lambda: self.ended.append(queue_name))


def delivery(queue_name: str, redis_id: str) -> Delivery:
    fields: dict[str, Any] = {"queue_name": queue_name, "actor_name": "pour", "args": ()}
    fields |= {"kwargs": {}, "options": {}, "message_id": "m", "message_timestamp": 0}
    return Delivery(fields, redis_id)


@pytest.fixture
def counters() -> dict[str, Counter]:
    return {"beer": Counter(), "coffee": Counter()}


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture
def work_queue() -> WorkQueue:
    return WorkQueue()


@pytest.fixture
def holding_back(
    counters: dict[str, Counter], servers: Servers, work_queue: WorkQueue
) -> HoldingBack:
    acknowledgers = cast("Mapping[str, Acknowledger]", counters)
    return HoldingBack(cast("Store", servers), work_queue, acknowledgers)


def test_each_shard_tells_of_its_own_queues(holding_back: HoldingBack, servers: Servers) -> None:
    holding_back.note("one", ["beer"])
    holding_back.note("two", ["coffee"])
    assert (set(holding_back.queue_names), servers.ended) == ({"beer", "coffee"}, [])

    holding_back.note("one", [])
    assert (set(holding_back.queue_names), servers.ended) == ({"coffee"}, ["beer"])


def test_what_no_thread_has_started_goes_back_and_the_rest_stays_in_its_order(
    holding_back: HoldingBack, counters: dict[str, Counter], work_queue: WorkQueue
) -> None:
    # Given messages of two queues that wait for a thread
    for queue_name, redis_id in (("beer", "1"), ("coffee", "2"), ("beer", "3"), ("coffee", "4")):
        message = delivery(queue_name, redis_id)
        work_queue.put(SimpleNamespace(priority=0, message=message))

    # When one of the queues is paused, expect its messages to go back, and the others to stay
    holding_back.note("one", ["beer"])

    assert counters["beer"].back == ["1", "3"]
    assert [work_queue.get_nowait().message.redis_id for _ in range(2)] == ["2", "4"]
    assert (work_queue.empty(), work_queue.unfinished_tasks) == (True, 2)


def test_what_is_kept_goes_back_when_its_shard_is_looked_after(
    holding_back: HoldingBack, counters: dict[str, Counter]
) -> None:
    for queue_name in ("beer", "coffee"):
        holding_back.keep(delivery(queue_name, f"a {queue_name}"))

    holding_back.note("one", ["beer"])

    assert (counters["beer"].back, counters["coffee"].back) == (["a beer"], [])
    assert holding_back.take("beer") == []


def test_what_cannot_go_back_is_kept(
    holding_back: HoldingBack, counters: dict[str, Counter]
) -> None:
    # Given a message that is kept, and no Redis to take it
    holding_back.keep(delivery("beer", "a beer"))
    counters["beer"].is_away = True
    with pytest.raises(redis.ConnectionError):
        holding_back.note("one", ["beer"])

    # When Redis is back, though the queue is not paused any more, expect it to go back once
    counters["beer"].is_away = False
    holding_back.note("one", [])
    holding_back.note("one", [])
    assert counters["beer"].back == ["a beer"]
