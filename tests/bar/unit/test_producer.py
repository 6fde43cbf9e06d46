from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import producer

if TYPE_CHECKING:
    from dramatiq.brokers.stub import StubBroker


def test_starting_to_serve_returns_at_once_and_leaves_an_order(stub_broker: StubBroker) -> None:
    # When a beer and a coffee are ordered
    beer, coffee = producer.start_serving_a_beer(), producer.start_serving_a_coffee()

    # Expect each to wait in its queue, under an id of its own
    assert (beer.queue_name, coffee.queue_name) == ("beer", "coffee")
    assert beer.args != coffee.args
    assert stub_broker.queues["beer"].qsize() == stub_broker.queues["coffee"].qsize() == 1


def test_many_drinks_are_ordered_at_once(stub_broker: StubBroker) -> None:
    orders = producer.start_serving(beers=20, coffees=30)

    assert len({order.args[0] for order in orders}) == 50
    assert stub_broker.queues["beer"].qsize() == 20
    assert stub_broker.queues["coffee"].qsize() == 30


def test_a_delayed_order_is_not_in_the_queue_yet(stub_broker: StubBroker) -> None:
    producer.start_serving(beers=1, delay_ms=60_000)

    assert stub_broker.queues["beer"].qsize() == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--beers", "-1"],
        ["--beers", "0"],
        ["--beers", "100001"],
        ["--coffees", "many"],
        ["--coffees", "1.5"],
        ["--delay", "-1"],
        ["--delay", "inf"],
        ["--delay", "nan"],
        ["--timeout", "0", "--wait"],
        ["--timeout", "nan", "--wait"],
        ["--timeout", "5"],
        ["--teas", "1"],
        ["beer"],
    ],
    ids=" ".join,
)
def test_bad_input_is_refused_before_anything_is_ordered(
    options: list[str], stub_broker: StubBroker
) -> None:
    run = CliRunner().invoke(producer.main, options)

    assert run.exit_code == 2
    assert "Error: " in run.stderr
    assert all(queue.empty() for queue in stub_broker.queues.values())


def test_help_teaches_the_experiment() -> None:
    run = CliRunner().invoke(producer.main, ["--help"])

    assert run.exit_code == 0
    assert "python producer.py --beers 200 --coffees 200 --wait" in run.stdout
