"""What a worker leaves behind when it is stopped."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from redis.cluster import RedisCluster

from barback.store.fleet_keys import FleetKeys
from tests.barback.contract.effects import Effects
from tests.support.keys import keys_like, keys_of
from tests.support.polling import eventually

if TYPE_CHECKING:
    import redis

    from tests.barback.contract.conftest import BrokerMaker, WorkerStarter


@pytest.fixture
def effects() -> Effects:
    return Effects()


def order_of(client: redis.Redis) -> list[int]:
    """The arguments of the messages that wait in a queue, the next one first."""
    keys = keys_of(client)
    ids: Any = client.lrange(keys.queue, 0, -1)
    payloads: Any = [client.hget(keys.messages, each) for each in ids]
    return [dramatiq.Message.decode(str(payload).encode()).args[0] for payload in payloads]


@pytest.mark.stock_fails("what was prefetched goes to the end of the queue, or nowhere")
def test_what_was_not_started_is_back_at_the_head_in_order_while_the_rest_still_runs(
    broker: Any, redis_client: redis.Redis, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given a worker with two threads busy, two more messages taken ahead, and others waiting
    may_end, begun = threading.Event(), Effects()

    @dramatiq.actor(broker=broker)
    def wait(n: int) -> None:
        begun.add(n)
        may_end.wait(60)
        effects.add(n)

    for n in range(10):
        wait.send(n)
    worker = start_worker(broker, worker_timeout=1000)
    begun.wait_for(2)
    eventually(lambda: worker.work_queue.qsize() == 2)

    # When it is stopped
    stopping = threading.Thread(target=worker.stop)
    stopping.start()

    # Expect what it has not started to be back in order, at once
    try:
        eventually(lambda: order_of(redis_client) == list(range(2, 10)))
    finally:
        may_end.set()
        stopping.join(20)

    # … what it has started to be finished, and nothing of it to be left
    assert sorted(effects.all) == [0, 1]
    assert broker.do_qsize("default") == 8
    assert keys_like(redis_client, "*__acks__*") == []


@pytest.mark.stock_fails("what was prefetched goes to the end of the queue, or nowhere")
def test_stopping_gives_back_what_was_taken_ahead_of_quick_work(
    make_broker: BrokerMaker,
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a worker that has taken hundreds of messages ahead
    monkeypatch.setattr("dramatiq.worker.QUEUE_PREFETCH", 300)
    broker = make_broker()

    @dramatiq.actor(broker=broker)
    def note(n: int) -> None:
        time.sleep(0.002)
        effects.add(n)

    pipe, keys = broker.client.pipeline(transaction=False), keys_of(broker.client)
    for n in range(1_000):
        message = note.message(n).copy(options={"redis_message_id": str(n)})
        pipe.hset(keys.messages, str(n), message.encode())
        pipe.rpush(keys.queue, str(n))
    pipe.execute()
    worker = start_worker(broker)
    effects.wait_for(50)

    # When it is stopped
    worker.stop()

    # Expect the others to wait in order, each of them, and none of those that are done
    waiting = order_of(redis_client)
    assert waiting == sorted(waiting)
    assert sorted([*effects.all, *waiting]) == list(range(1_000))


@pytest.mark.stock_fails("what was prefetched goes to the end of the queue")
def test_what_is_given_back_is_in_order_wherever_it_was(
    broker: Any, redis_client: redis.Redis
) -> None:
    # Given four messages, taken together, of which two have been handed to the worker
    @dramatiq.actor(broker=broker)
    def nothing(n: int) -> None: ...

    for n in range(6):
        nothing.send(n)
    consumer = broker.consume("default", prefetch=4, timeout=1000)
    messages = [next(consumer), next(consumer)]

    # When the worker stops
    consumer.requeue(messages)
    consumer.close()

    # Expect the queue to be as it was
    assert order_of(redis_client) == list(range(6))


@pytest.mark.stock_fails("it stays in the list of heartbeats")
def test_a_worker_that_has_stopped_leaves_no_trace(
    broker: Any, redis_client: redis.Redis, start_worker: WorkerStarter, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker)
    def note(what: str) -> None:
        effects.add(what)

    worker = start_worker(broker)
    note.send("a")
    effects.wait_for(1)
    eventually(lambda: broker.do_qsize("default") == 0)
    worker.stop()

    fleet_keys = FleetKeys("dramatiq", on_cluster=isinstance(redis_client, RedisCluster))
    assert sorted(keys_like(redis_client, "*")) == [fleet_keys.format, fleet_keys.queues]


@pytest.mark.stock_fails("each of its threads finds out when its time-out is up")
def test_an_idle_worker_is_stopped_at_once(broker: Any, start_worker: WorkerStarter) -> None:
    # Given an idle worker whose threads wait long for a message
    @dramatiq.actor(broker=broker)
    def nothing() -> None: ...

    worker = start_worker(broker, worker_timeout=20_000, worker_threads=8)
    nothing.send()
    broker.join("default")

    stopping_at = time.monotonic()
    worker.stop()
    assert time.monotonic() - stopping_at < 10
