"""Messages of paused queues that a worker has taken ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
import redis

from barback.consuming.holding_back import HoldingBack
from barback.messages.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barback.consuming.acknowledging import Acknowledger

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


def delivery(queue_name: str, redis_id: str) -> Delivery:
    fields: dict[str, Any] = {"queue_name": queue_name, "actor_name": "pour", "args": ()}
    fields |= {"kwargs": {}, "options": {}, "message_id": "m", "message_timestamp": 0}
    return Delivery(fields, redis_id)


@pytest.fixture
def counters() -> dict[str, Counter]:
    return {"beer": Counter(), "coffee": Counter()}


@pytest.fixture
def holding_back(counters: dict[str, Counter]) -> HoldingBack:
    acknowledgers = cast("Mapping[str, Acknowledger]", counters)
    return HoldingBack(acknowledgers, ACROSS_SHARDS.__getitem__)


def test_each_shard_tells_of_its_own_queues(holding_back: HoldingBack) -> None:
    holding_back.note("one", ["beer"])
    holding_back.note("two", ["coffee"])
    assert holding_back.queue_names == {"beer", "coffee"}

    holding_back.note("one", [])
    assert holding_back.queue_names == {"coffee"}


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
