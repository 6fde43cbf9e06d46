from __future__ import annotations

import dramatiq
from dramatiq.brokers.stub import StubBroker

from barback import send_many


def test_on_a_broker_without_bulk_messages_are_sent_one_by_one() -> None:
    broker = StubBroker()

    @dramatiq.actor(broker=broker)
    def note(what: str) -> None: ...

    assert send_many(note, [("a",), {"what": "b"}, ("c",)]) == 3
    assert broker.queues["default"].qsize() == 3
