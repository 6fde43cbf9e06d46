"""Something of another program's stands where the broker wants a list or a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.errors import BrokerError

from barback.errors import WrongKeyType
from barback.store.worker_calls import new_epoch

if TYPE_CHECKING:
    from barback import RedisBroker

pytestmark = pytest.mark.everywhere


def message(priority: int = 0) -> dramatiq.Message[Any]:
    return dramatiq.Message("jobs", "job", (), {}, {"priority": priority})


def test_nothing_is_left_of_messages_that_were_refused(broker: RedisBroker) -> None:
    # Given a queue in which one waits, and a foreign key in place of the list of a priority
    broker.enqueue(message())
    keys, client = broker.store.keys("jobs"), broker.client
    client.set(f"{keys.levels}:5", "somebody else's")

    # When some are sent, and among them one of that priority
    with pytest.raises(BrokerError):
        broker.enqueue(message(5))
    with pytest.raises(BrokerError):
        broker.enqueue_many([message(3), message(), message(5), message(4)])
    with pytest.raises(BrokerError):
        broker.enqueue_once(message(5), token="once", ttl_seconds=60)

    # Expect that nothing of them is there
    assert client.hlen(keys.messages) == client.llen(keys.queue) == 1

    # and that it can be sent when the key is gone
    client.delete(f"{keys.levels}:5")
    assert broker.queue_length("jobs") == 1
    assert broker.enqueue_once(message(5), token="once", ttl_seconds=60) is not None
    assert broker.enqueue_once(message(5), token="once", ttl_seconds=60) is None


def test_those_before_a_message_that_cannot_become_due_do_so_once(broker: RedisBroker) -> None:
    keys, client = broker.store.keys("jobs"), broker.client
    client.set(f"{keys.levels}:5", "somebody else's")
    for delay_ms, priority in enumerate((0, 5, 0)):
        broker.enqueue(message(priority), delay=60_000 * delay_ms)
    calls = broker.store.calls("jobs")
    ids: Any = client.zrange(keys.due, 0, -1)

    for _ in range(3):
        with pytest.raises(Exception, match="WRONGTYPE"):
            calls.promote(10, client.zrange(keys.due, 0, -1))  # type: ignore[arg-type]

    assert client.lrange(keys.queue, 0, -1) == ids[:1]

    client.delete(f"{keys.levels}:5")
    assert calls.promote(10, ids[1:]) == 2
    assert broker.queue_length("jobs") == client.hlen(keys.messages) == 3


@pytest.mark.parametrize("name", ["acks", "messages"])
def test_a_claim_that_fails_takes_nothing(name: str, broker: RedisBroker) -> None:
    # Given a worker of a queue in which messages wait
    for _ in range(3):
        broker.enqueue(message())
    keys, client = broker.store.keys("jobs"), broker.client
    waiting = client.lrange(keys.queue, 0, -1)
    calls, connections = (
        broker.store.worker_calls("jobs", "me"),
        broker.store.connections_to("jobs"),
    )
    epoch = new_epoch()
    calls.join(epoch, [], connections)

    # When it takes some, and something else stands under a key
    key = keys.acks("me") if name == "acks" else keys.messages
    client.delete(key)
    client.set(key, "somebody else's")
    with pytest.raises(WrongKeyType):
        connections.run(*calls.claiming(2, 1000, epoch))

    # Expect all of them to wait on, in their order
    assert client.lrange(keys.queue, 0, -1) == waiting
