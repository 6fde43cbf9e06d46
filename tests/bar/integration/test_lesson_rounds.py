"""A round of the lesson, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from lesson_rounds import (
    A_QUEUE_EACH,
    ONE_QUEUE,
    QUEUES,
    Slip,
    note_served,
    note_started,
    open_round,
    read_round,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BEER = Slip("lesson-both", "beer", 0)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """As a broker's client: it does not decode its answers."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_both_bars_have_the_same_orders_and_as_many_threads(client: redis.Redis) -> None:
    open_round(client, "round", each=3)
    found = read_round(client, "round")
    assert found is not None
    one, each = (
        sorted((slip.drink, slip.number) for slip in found.at(queues))
        for queues in (ONE_QUEUE, A_QUEUE_EACH)
    )
    assert one == each
    assert len(one) == 6
    assert sum(queue.threads for queue in ONE_QUEUE) == sum(q.threads for q in A_QUEUE_EACH)


def test_a_slip_that_is_served_twice_is_as_if_it_were_served_once(client: redis.Redis) -> None:
    # Given a slip whose worker took long
    open_round(client, "round", each=1)
    note_started(client, "round", BEER, worker="first")
    note_served(client, "round", BEER)
    before = read_round(client, "round")

    # When another worker serves it, too, and the round is ordered once more
    note_started(client, "round", BEER, worker="second")
    note_served(client, "round", BEER)
    open_round(client, "round", each=1)

    # Expect what was known before
    after = read_round(client, "round")
    assert before is not None
    assert after is not None
    assert after.slips == before.slips
    assert after.slips[0].worker == "first"


def test_a_round_is_over_when_every_slip_is_served(client: redis.Redis) -> None:
    open_round(client, "round", each=1)
    slips = [Slip(queue.name, drink, 0) for queue in QUEUES.values() for drink in queue.drinks]
    for slip in slips:
        found = read_round(client, "round")
        assert found is not None
        assert not found.is_over
        note_started(client, "round", slip, worker="worker")
        note_served(client, "round", slip)
    found = read_round(client, "round")
    assert found is not None
    assert found.is_over


def test_a_late_worker_brings_no_forgotten_round_back(client: redis.Redis) -> None:
    note_started(client, "forgotten", BEER, worker="late")
    assert read_round(client, "forgotten") is None
    assert client.keys() == []


def test_a_round_is_forgotten_after_a_while(client: redis.Redis) -> None:
    open_round(client, "round", each=1)
    [key] = client.keys()
    assert client.ttl(key) > 0
