from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import serve_a_beer, serve_a_coffee
from actors.serving import MAX_BACKOFF_MS, MAX_RETRIES, Served, time_limit_ms

if TYPE_CHECKING:
    from dramatiq.brokers.stub import StubBroker

Drink = dramatiq.Actor[[str], Served]
DRINKS = [serve_a_beer, serve_a_coffee]


def test_beer_and_coffee_have_a_queue_each() -> None:
    assert (serve_a_beer.queue_name, serve_a_coffee.queue_name) == ("beer", "coffee")


@pytest.mark.parametrize("drink", DRINKS, ids=lambda actor: actor.actor_name)
def test_an_order_is_served_and_its_result_kept(
    drink: Drink, stub_broker: StubBroker, stub_worker: dramatiq.Worker
) -> None:
    # Given an order
    message = drink.send("order-1")

    # When a worker has served it
    stub_broker.join(drink.queue_name)
    stub_worker.join()

    # Expect its result to say which order it was, and by whom it was served
    result = message.get_result()
    assert result["order_id"] == "order-1"
    assert result["served_by"]
    assert result["waited_ms"] >= 0


@pytest.mark.parametrize("drink", DRINKS, ids=lambda actor: actor.actor_name)
def test_serving_an_order_twice_gives_the_same_as_once(
    drink: Drink,
) -> None:
    assert drink("order-1") == drink("order-1")


@pytest.mark.parametrize("drink", DRINKS, ids=lambda actor: actor.actor_name)
def test_a_drink_that_fails_is_retried_a_few_times_only(
    drink: Drink,
) -> None:
    assert drink.options["max_retries"] == MAX_RETRIES < 5
    assert drink.options["max_backoff"] == MAX_BACKOFF_MS <= 60_000


@given(serving_seconds=st.floats(min_value=0, max_value=3600))
def test_the_time_limit_is_never_below_the_serving_time(serving_seconds: float) -> None:
    assert time_limit_ms(serving_seconds) > serving_seconds * 1000


@pytest.mark.parametrize(
    ("consumed", "left"), [({"beer"}, serve_a_coffee), ({"coffee"}, serve_a_beer)]
)
def test_a_worker_of_one_queue_leaves_the_other_alone(
    consumed: set[str], left: Drink, stub_broker: StubBroker
) -> None:
    # Given a worker of one queue, and an order in each
    worker = dramatiq.Worker(stub_broker, worker_timeout=100, worker_threads=1, queues=consumed)
    worker.start()
    for drink in DRINKS:
        drink.send("order-1")

    # When the worker has nothing more to do
    stub_broker.join(*consumed)
    worker.join()
    worker.stop()

    # Expect the order of the other queue to be waiting still
    assert stub_broker.queues[left.queue_name].qsize() == 1


def test_no_work_by_the_clock_becomes_a_dead_letter_while_the_database_is_away(
    stub_broker: StubBroker,
) -> None:
    """What has no retries at all is not tried again, whatever the reason."""
    by_the_clock = [it for it in stub_broker.actors.values() if it.options.get("periodic")]
    assert len(by_the_clock) > 3
    assert [it.actor_name for it in by_the_clock if it.options["max_retries"] == 0] == []
