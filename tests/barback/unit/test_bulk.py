from __future__ import annotations

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from barback import send_many


def test_on_a_broker_without_bulk_messages_are_sent_one_by_one() -> None:
    broker = StubBroker()

    @dramatiq.actor(broker=broker)
    def note(what: str) -> None: ...

    assert send_many(note, [("a",), {"what": "b"}, ("c",)]) == 3
    assert broker.queues["default"].qsize() == 3


def test_a_list_of_arguments_does_as_well_as_a_tuple() -> None:
    broker = StubBroker()

    @dramatiq.actor(broker=broker)
    def note(what: str) -> None: ...

    assert send_many(note, [["a"]]) == 1


@pytest.mark.parametrize("forgotten", ["ada@example.org", 7])
def test_an_argument_without_its_tuple_is_explained(forgotten: object) -> None:
    broker = StubBroker()

    @dramatiq.actor(broker=broker)
    def note(what: object) -> None: ...

    with pytest.raises(TypeError, match=r"a tuple, such as \(1,\), .* got "):
        send_many(note, [forgotten])  # type: ignore[list-item]
