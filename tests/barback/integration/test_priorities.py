"""Priorities, which hold across a whole queue."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker as StockRedisBroker

from barback.consuming.claims import CLAIMS_PER_REVERSED
from barback.control import pause, purge, resume
from barback.errors import MessageRejected
from barback.monitoring.queues import queue_statuses
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

URGENT, USUAL, LATER = -5, 0, 7


def send(broker: RedisBroker, name: str, priority: int | None = None, **how: Any) -> Any:
    options = {} if priority is None else {"priority": priority}
    return broker.enqueue(dramatiq.Message("jobs", "job", (name,), {}, options), **how)


@contextlib.contextmanager
def consuming(broker: RedisBroker, prefetch: int = 1) -> Iterator[dramatiq.Consumer]:
    consumer = broker.consume("jobs", prefetch=prefetch, timeout=20)
    yield consumer
    consumer.close()


def take(consumer: dramatiq.Consumer, count: int) -> list[str]:
    """The names of the next messages, each of which is done before the next one is taken."""
    names = []
    for _ in range(count):
        message: Any = eventually(lambda: next(consumer))
        names.append(message.args[0])
        consumer.ack(message)
    return names


def test_the_most_urgent_messages_come_first_and_equals_in_their_order(broker: RedisBroker) -> None:
    for name, priority in (
        ("usual-1", None),
        ("later-1", LATER),
        ("urgent-1", URGENT),
        ("usual-2", USUAL),
        ("urgent-2", URGENT),
        ("later-2", LATER),
    ):
        send(broker, name, priority)

    with consuming(broker) as consumer:
        assert take(consumer, 6) == [
            *("urgent-1", "urgent-2", "usual-1", "usual-2", "later-1", "later-2")
        ]


def test_a_message_waits_by_the_priority_of_its_actor_unless_it_has_its_own(
    broker: RedisBroker,
) -> None:
    @dramatiq.actor(broker=broker, queue_name="jobs", priority=LATER)
    def patient(name: str) -> None: ...

    patient.send("later")
    patient.send_with_options(args=("urgent",), priority=URGENT)
    broker.enqueue_many([patient.message("later, too")])
    send(broker, "usual")

    with consuming(broker) as consumer:
        assert take(consumer, 4) == ["urgent", "usual", "later", "later, too"]


@pytest.mark.parametrize("priority", [100, -100, "5", 1.5])
def test_a_priority_that_is_none_is_refused(priority: Any, broker: RedisBroker) -> None:
    with pytest.raises(MessageRejected, match="whole number from -99 to 99"):
        send(broker, "nonsense", priority)


@pytest.mark.parametrize("delay", [None, 1])
def test_a_retry_keeps_its_priority(delay: int | None, broker: RedisBroker) -> None:
    # Given a message that waits for its second try
    send(broker, "urgent", URGENT)
    with consuming(broker) as consumer:
        first: Any = eventually(lambda: next(consumer))
        broker.enqueue(first, delay=delay)
        consumer.ack(first)
    send(broker, "usual")
    eventually(lambda: broker.store.calls("jobs").promote(10) + broker.queue_length("jobs") == 2)

    # Expect it to come first
    with consuming(broker) as consumer:
        assert take(consumer, 2) == ["urgent", "usual"]


def test_a_delayed_message_keeps_its_priority(broker: RedisBroker) -> None:
    send(broker, "usual")
    send(broker, "urgent", URGENT, delay=1)
    eventually(lambda: broker.store.calls("jobs").promote(10) == 1)

    with consuming(broker) as consumer:
        assert take(consumer, 2) == ["urgent", "usual"]


def test_what_is_given_back_keeps_its_priority_and_its_place(broker: RedisBroker) -> None:
    for name in ("urgent-1", "urgent-2"):
        send(broker, name, URGENT)
    with consuming(broker, prefetch=2) as consumer:
        taken: Any = [eventually(lambda: next(consumer)) for _ in range(2)]
        consumer.requeue(taken)

    send(broker, "usual")
    with consuming(broker) as consumer:
        assert take(consumer, 3) == ["urgent-1", "urgent-2", "usual"]


def test_the_least_urgent_message_is_never_starved(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that takes one message at a time, and more urgent ones than it ever finishes
    monkeypatch.setattr("dramatiq.worker.QUEUE_PREFETCH", 1)
    send(broker, "later", LATER)
    broker.enqueue_many(
        dramatiq.Message("jobs", "job", ("urgent",), {}, {"priority": URGENT}) for _ in range(40)
    )

    # Expect it to take the least urgent one all the same
    with consuming(broker) as consumer:
        assert "later" in take(consumer, CLAIMS_PER_REVERSED)


def test_a_position_counts_all_that_is_more_urgent(broker: RedisBroker) -> None:
    later, usual = send(broker, "later", LATER), send(broker, "usual")
    urgent = [send(broker, "urgent", URGENT) for _ in range(2)]

    assert [broker.position(message) for message in (*urgent, usual, later)] == [0, 1, 2, 3]


def test_every_level_is_counted_held_back_and_purged(broker: RedisBroker) -> None:
    # Given messages on three levels
    for priority in (LATER, USUAL, URGENT):
        send(broker, "job", priority)
    (status,) = queue_statuses(broker)
    assert (status.ready, broker.queue_length("jobs"), broker.do_qsize("jobs")) == (3, 3, 3)

    # When the queue is paused, expect none to be taken
    pause(broker, "jobs")
    with consuming(broker) as consumer:
        assert [next(consumer) for _ in range(5)] == [None] * 5
        resume(broker, "jobs")
        assert take(consumer, 1) == ["job"]

    # When it is purged, expect nothing to be left
    assert purge(broker, "jobs") == 2
    assert broker.do_qsize("jobs") == 0
    assert broker.client.keys("dramatiq:__barback__:*jobs*:levels*") == []


@pytest.mark.one_server
def test_stock_dramatiq_sees_the_usual_level_alone(broker: RedisBroker, redis_url: str) -> None:
    # Given messages of ours with and without a priority, and one of a stock producer
    send(broker, "urgent", URGENT)
    send(broker, "usual")
    with contextlib.closing(StockRedisBroker(url=redis_url)) as stock:
        stock.enqueue(dramatiq.Message("jobs", "job", ("by stock",), {}, {}))

        # When a stock worker takes what it finds, expect it to find the usual level
        consumer = stock.consume("jobs", prefetch=10, timeout=100)
        assert _names(consumer, 2) == ["usual", "by stock"]
        consumer.close()
        stock.client.close()

    # Expect the others to wait for a worker of ours
    assert broker.queue_length("jobs") == 1
    with consuming(broker) as ours:
        assert take(ours, 1) == ["urgent"]


def _names(consumer: Iterable[Any], count: int) -> list[str]:
    found: list[str] = []
    for message in consumer:
        if message is not None:
            consumer.ack(message)  # type: ignore[attr-defined]
            found.append(message.args[0])
        if len(found) == count:
            break
    return found
