"""Messages that are to wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dramatiq
import psutil
import pytest

from barback import RedisBroker
from barback.monitoring.queues import queue_statuses
from tests.barback.contract.conftest import ONE_SERVER, OURS
from tests.barback.contract.effects import Effects
from tests.support.keys import keys_of

if TYPE_CHECKING:
    import redis

    from tests.barback.contract.conftest import BrokerMaker, WorkerStarter

#: How late a delayed message may start, in seconds: far more than the milliseconds that it takes,
#: even on a busy machine, and less than the second after which a worker looks by itself.
MAX_LATENESS_SECONDS = 0.5


@pytest.fixture
def effects() -> Effects:
    return Effects()


def declare(broker: Any, effects: Effects) -> dramatiq.Actor[..., None]:
    def note(what: Any) -> None:
        effects.add((what, time.monotonic()))

    return dramatiq.actor(broker=broker)(note)


@pytest.mark.stock_fails("it looks for due messages when its pause ends")
def test_a_delayed_message_starts_on_time(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    note = declare(broker, effects)
    start_worker(broker, worker_timeout=1000)

    sent_at = {}
    for delay in (310, 520, 735, 940, 1250):
        sent_at[delay] = time.monotonic()
        note.send_with_options(args=(delay,), delay=delay)

    late_seconds = sorted(
        started_at - sent_at[delay] - delay / 1000 for delay, started_at in effects.wait_for(5)
    )
    # On a busy machine one or two may be late for reasons of its own. A worker of stock Dramatiq,
    # whose pauses grow, is late by tenths of a second.
    assert late_seconds[0] > -0.005
    assert late_seconds[2] < 0.1


@OURS
def test_a_message_that_comes_first_wakes_a_worker_that_waits_for_a_later_one(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    note = declare(broker, effects)
    start_worker(broker, worker_timeout=1000)
    note.send_with_options(args=("later",), delay=60_000)
    time.sleep(0.3)  # the worker has settled down to wait for it

    sent_at = time.monotonic()
    note.send_with_options(args=("sooner",), delay=400)

    ((what, started_at),) = effects.wait_for(1)
    assert what == "sooner"
    assert started_at - sent_at - 0.4 < MAX_LATENESS_SECONDS


def test_delayed_messages_start_in_the_order_of_their_times(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    note = declare(broker, effects)
    for n in (5, 3, 9, 1, 7):
        note.send_with_options(args=(n,), delay=200 * n)
    start_worker(broker, worker_threads=1)

    assert [what for what, _ in effects.wait_for(5)] == [1, 3, 5, 7, 9]


def test_a_message_that_was_sent_with_a_delay_and_is_sent_anew_waits_for_the_same_time(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given one that is due soon, and one for tomorrow
    note = declare(broker, effects)
    soon = note.send_with_options(args=("soon",), delay=400)
    tomorrow = note.send_with_options(args=("tomorrow",), delay=86_400_000)
    due = time.monotonic() + soon.options["eta"] / 1000 - time.time()
    broker.flush("default")

    # When they are enqueued again as they came back, and one with a time of its own beside them
    broker.enqueue(soon)
    broker.enqueue(tomorrow)
    broker.enqueue(note.message_with_options(args=("later",), eta=soon.options["eta"]))
    start_worker(broker)

    # Expect each to wait
    started = dict(effects.wait_for(2))
    assert sorted(started) == ["later", "soon"]
    assert min(started.values()) > due - 0.05


@OURS
def test_a_message_with_a_time_of_its_own_waits_for_it_however_it_is_sent(
    broker: Any, effects: Effects
) -> None:
    note = declare(broker, effects)
    tomorrow = int(time.time() * 1000) + 86_400_000
    first, second = (note.message_with_options(args=(n,), eta=tomorrow) for n in (1, 2))

    assert broker.enqueue_once(first, token="1", ttl_seconds=60) is not None
    assert broker.enqueue_many([note.message(0), second]) == 2

    (status,) = queue_statuses(broker)
    assert (status.ready, status.delayed) == (1, 2)


def test_workers_share_delayed_messages_and_do_each_once(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given three workers, and many messages that are due at nearly the same time
    brokers = [make_broker() for _ in range(3)]
    notes = [declare(broker, effects) for broker in brokers]
    for broker in brokers:
        start_worker(broker)
    for n in range(450):
        notes[n % 3].send_with_options(args=(n,), delay=600)

    # Expect each to be done once
    effects.wait_for(450)
    brokers[0].join("default", timeout=30_000)
    assert sorted(what for what, _ in effects.all) == list(range(450))


@ONE_SERVER
@pytest.mark.stock_fails("workers keep delayed messages in their memory")
@pytest.mark.slow
def test_delayed_messages_take_none_of_a_worker_s_memory(
    broker: Any, redis_client: redis.Redis, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given an idle worker, which has done some work
    note = declare(broker, effects)
    start_worker(broker, worker_threads=8)
    for n in range(200):
        note.send(n)
    effects.wait_for(200)

    # When very many messages are delayed by a day
    delay_all(broker, note, 100_000)
    before = psutil.Process().memory_info().rss
    time.sleep(1.0)  # stock's worker begins to read them

    # Expect them to stay where they are, and the worker to go on
    note.send(200)
    effects.wait_for(201)
    assert held_of_delay_queue(broker) == 0
    assert psutil.Process().memory_info().rss - before < 10_000_000
    assert redis_client.hlen(keys_of(redis_client).delayed_messages) == 100_000
    redis_client.flushall()  # stopping would leave them as stock wants them, one by one


def delay_all(broker: Any, note: dramatiq.Actor[..., None], count: int) -> None:
    """Delay many messages by a day: by ours in bulk, for stock as its producers do, in one go."""
    messages = (note.message(n) for n in range(count))
    if isinstance(broker, RedisBroker):
        broker.enqueue_many(messages, delay=86_400_000)
        return
    options = {"redis_message_id": "ID", "eta": int(time.time() * 1000) + 86_400_000}
    template = note.message(0).copy(queue_name="default.DQ", options=options).encode().decode()
    for start in range(0, count, 5_000):
        ids = [f"id-{n}" for n in range(start, start + 5_000)]
        payloads = {each: template.replace("ID", each) for each in ids}
        broker.client.hset(keys_of(broker.client).delayed_messages, mapping=payloads)
        broker.client.rpush(keys_of(broker.client).stock_delayed, *ids)


def held_of_delay_queue(broker: Any) -> int:
    return int(broker.client.scard(keys_of(broker.client).stock_delayed_acks(broker.broker_id)))


def test_a_delayed_message_survives_the_end_of_the_worker_that_waits_for_it(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    first, second = make_broker(), make_broker()
    note = declare(first, effects)
    declare(second, effects)
    worker = start_worker(first)
    note.send_with_options(args=("a",), delay=700)
    time.sleep(0.2)
    worker.stop()

    start_worker(second)

    assert [what for what, _ in effects.wait_for(1)] == ["a"]


@OURS
def test_a_delayed_message_is_on_time_although_the_worker_that_waits_for_it_has_stopped(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given two workers, one of which was told of the message that is due next
    brokers = [make_broker(), make_broker()]
    notes = [declare(broker, effects) for broker in brokers]
    workers = [start_worker(broker, worker_timeout=1000) for broker in brokers]
    time.sleep(0.5)
    sent_at = time.monotonic()
    notes[0].send_with_options(args=("a",), delay=2_500)
    time.sleep(0.3)

    # When that one stops (Redis wakes the one that has waited longest)
    workers[0].stop()

    # Expect the other to start it on time
    ((_, started_at),) = effects.wait_for(1)
    assert started_at - sent_at - 2.5 < MAX_LATENESS_SECONDS
