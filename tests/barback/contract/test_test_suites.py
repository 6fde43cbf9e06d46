"""What test suites and instrumentation do with a worker in their own process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from tests.barback.contract.conftest import ONE_SERVER
from tests.barback.contract.effects import Effects
from tests.support.polling import eventually

if TYPE_CHECKING:
    import redis

    from tests.barback.contract.conftest import WorkerStarter

pytestmark = ONE_SERVER


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.mark.slow  # twenty workers are started and stopped
def test_what_was_sent_before_a_worker_is_joined_is_done_when_it_is_stopped(
    broker: Any, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker)
    def note(n: int) -> None:
        effects.add(n)

    for n in range(20):
        worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=2)
        worker.start()
        note.send(n)
        worker.join()
        worker.stop()
        broker.middleware.pop()  # of that worker

    assert effects.all == list(range(20))


@pytest.mark.stock_fails("its join does not see what the worker has not fetched yet")
def test_joining_a_worker_waits_for_all_that_follows(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker, queue_name="first", min_backoff=1, max_backoff=20)
    def start(n: int) -> None:
        if effects.all.count("start") < 3:
            effects.add("start")
            raise RuntimeError("again")
        go_on.send(n)

    @dramatiq.actor(broker=broker, queue_name="second")
    def go_on(n: int) -> None:
        effects.add(n)

    worker = start_worker(broker)
    start.send(5)
    worker.join()

    assert effects.all == ["start", "start", "start", 5]


def test_a_worker_outlives_the_end_of_its_broker_until_it_is_stopped(
    broker: Any, effects: Effects, start_worker: WorkerStarter
) -> None:
    # Given a worker whose broker is closed first, as fixtures do in the wrong order
    before = set(threading.enumerate())

    @dramatiq.actor(broker=broker)
    def note(n: int) -> None:
        effects.add(n)

    worker = start_worker(broker)
    note.send(1)
    effects.wait_for(1)
    broker.close()

    # When messages are sent, expect it to run them
    note.send(2)
    note.send_with_options(args=(3,), delay=10)
    assert sorted(effects.wait_for(3)) == [1, 2, 3]

    # When it is stopped, expect nothing of it to be left
    worker.stop()
    eventually(lambda: set(threading.enumerate()) <= before)


def test_two_workers_on_one_broker_are_stopped_one_after_the_other(
    broker: Any, effects: Effects, start_worker: WorkerStarter
) -> None:
    # Given two workers on one broker
    @dramatiq.actor(broker=broker)
    def note(n: int) -> None:
        effects.add(n)

    first = start_worker(broker)
    second = start_worker(broker)
    for n in range(20):
        note.send(n)
    effects.wait_for(20)

    # When one of them is stopped
    first.stop()
    note.send(20)

    # Expect the other to go on, and to be stopped in its turn
    effects.wait_for(21)
    second.stop()
    assert sorted(effects.all) == list(range(21))


def test_the_work_queue_can_be_looked_at_as_any_queue(
    broker: Any, effects: Effects, start_worker: WorkerStarter
) -> None:
    @dramatiq.actor(broker=broker, priority=3)
    def note(n: int) -> None:
        effects.add(n)

    worker = start_worker(broker)
    queue = worker.work_queue
    with queue.mutex:
        assert list(queue.queue) == []
    assert queue.empty()
    assert not queue.full()
    assert queue.maxsize == 0

    note.send(1)
    effects.wait_for(1)
    worker.join()
    assert queue.qsize() == 0
    assert queue.unfinished_tasks == 0


def test_workers_are_in_the_list_of_heartbeats(
    broker: Any, redis_client: redis.Redis, start_worker: WorkerStarter, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)

    start_worker(broker)

    eventually(lambda: redis_client.zscore("dramatiq:__heartbeats__", broker.broker_id))
    score: Any = redis_client.zscore("dramatiq:__heartbeats__", broker.broker_id)
    seconds, _ = redis_client.time()
    assert abs(score / 1000 - seconds) < 60


def test_waiting_messages_can_be_read_by_the_keys_of_stock(
    broker: Any, redis_client: redis.Redis, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker, max_retries=0)
    def note(n: int) -> None:
        effects.add(n)

    message = note.send(5)

    redis_id = message.options["redis_message_id"]
    assert redis_client.lrange("dramatiq:default", 0, -1) == [redis_id]
    payload: Any = redis_client.hget("dramatiq:default.msgs", redis_id)
    assert dramatiq.Message.decode(payload.encode()).args == (5,)


def test_dead_letters_can_be_read_by_the_keys_of_stock(
    broker: Any, redis_client: redis.Redis, start_worker: WorkerStarter
) -> None:
    @dramatiq.actor(broker=broker, max_retries=0)
    def fail(n: int) -> None:
        raise RuntimeError(n)

    fail.send(5)
    start_worker(broker)
    eventually(lambda: redis_client.zcard("dramatiq:default.XQ"))

    ids: Any = redis_client.zrange("dramatiq:default.XQ", 0, -1)
    payload: Any = redis_client.hget("dramatiq:default.XQ.msgs", ids[0])
    assert dramatiq.Message.decode(payload.encode()).args == (5,)


def test_delayed_messages_can_be_counted_by_the_keys_of_stock(
    broker: Any, redis_client: redis.Redis, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker)
    def note(n: int) -> None:
        effects.add(n)

    note.send_with_options(args=(1,), delay=60_000)

    assert redis_client.hlen("dramatiq:default.DQ.msgs") == 1
