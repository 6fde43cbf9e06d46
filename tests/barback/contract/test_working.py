"""What actors may rely on while all goes well."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import group, pipeline
from dramatiq.middleware import AsyncIO, GroupCallbacks
from dramatiq.rate_limits import ConcurrentRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as RateLimiterBackend
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend as ResultBackend

from tests.barback.contract.conftest import ONE_SERVER
from tests.barback.contract.effects import Effects
from tests.support.keys import keys_of
from tests.support.polling import eventually

if TYPE_CHECKING:
    import redis

    from tests.barback.contract.conftest import BrokerMaker, WorkerStarter

#: What a message may take on its way through an idle broker at the median, in seconds: ten times
#: of what ours takes, so that a busy machine does not matter.
SOON_SECONDS = 0.02


@pytest.fixture
def effects() -> Effects:
    return Effects()


def test_messages_of_one_queue_are_done_in_order(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker)
    def note(n: int) -> None:
        effects.add(n)

    for n in range(200):
        note.send(n)
    start_worker(broker, worker_threads=1)

    assert effects.wait_for(200) == list(range(200))


def test_a_message_may_say_in_fractions_of_milliseconds_when_it_was_made(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given one as dramatiq-workflow makes them
    @dramatiq.actor(broker=broker, max_age=60_000, max_retries=0)
    def note(what: str) -> None:
        effects.add(what)

    message = note.message("one")
    broker.enqueue(message.copy(message_timestamp=time.time() * 1000))
    start_worker(broker)

    assert effects.wait_for(1) == ["one"]


@pytest.mark.stock_fails("it polls, with a growing pause")
def test_an_idle_worker_starts_a_message_at_once(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given a worker that has been idle for a while
    @dramatiq.actor(broker=broker)
    def note(sent_at: float) -> None:
        effects.add(time.monotonic() - sent_at)

    start_worker(broker, worker_timeout=1000)

    # When now and then a message comes
    for n in range(8):
        time.sleep(0.3)  # idleness is what is measured
        note.send(time.monotonic())
        effects.wait_for(n + 1)

    # Expect it to start at once
    assert statistics.median(effects.all) < SOON_SECONDS


@ONE_SERVER
@pytest.mark.stock_fails("it asks again and again, for each queue and its delay queue")
def test_an_idle_worker_leaves_redis_alone(
    broker: Any, redis_client: redis.Redis, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given an idle worker of three queues
    for queue_name in ("a", "b", "c"):

        @dramatiq.actor(broker=broker, queue_name=queue_name, actor_name=queue_name)
        def note() -> None:
            effects.add(1)

        note.send()
    start_worker(broker, worker_timeout=1000)
    effects.wait_for(3)
    time.sleep(0.5)  # what starting takes is over

    # When nothing happens for a while
    watched_seconds = 3.0
    with redis_client.monitor() as monitor:
        threading.Timer(watched_seconds, redis_client.ping).start()
        commands = itertools.takewhile(lambda each: each["command"] != "PING", monitor.listen())
        sent = [each["command"] for each in commands if each["client_type"] != "lua"]

    # Expect two commands a second at the most, however many queues there are
    sent = [each for each in sent if not each.startswith(("HELLO", "CLIENT"))]
    assert len(sent) / watched_seconds <= 2, sent


def test_more_urgent_actors_go_first_among_what_was_taken(
    broker: Any, start_worker: WorkerStarter, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that is busy, and has taken messages of two priorities ahead
    monkeypatch.setattr("dramatiq.worker.QUEUE_PREFETCH", 3)
    is_busy, may_go_on = threading.Event(), threading.Event()

    @dramatiq.actor(broker=broker, priority=10)
    def later(n: int) -> None:
        is_busy.set()
        may_go_on.wait(60)
        effects.add(n)

    @dramatiq.actor(broker=broker, priority=1)
    def sooner(n: int) -> None:
        effects.add(n)

    worker = start_worker(broker, worker_threads=1)
    later.send(0)
    is_busy.wait(60)
    later.send(1)
    sooner.send(2)
    eventually(lambda: worker.work_queue.qsize() == 2)

    # When it goes on
    may_go_on.set()

    # Expect the urgent one before the other
    assert effects.wait_for(3) == [0, 2, 1]


def test_a_worker_serves_its_queues_and_no_other(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    def note(what: str) -> None:
        effects.add(what)

    actors = [
        dramatiq.actor(broker=broker, queue_name=name, actor_name=name)(note)
        for name in ("beer", "coffee", "email")
    ]
    for actor in actors:
        actor.send(actor.queue_name)
    start_worker(broker, queues={"beer", "email"})

    assert sorted(effects.wait_for(2)) == ["beer", "email"]
    assert broker.do_qsize("coffee") == 1


def test_two_workers_share_a_queue_and_do_each_message_once(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    brokers = [make_broker(), make_broker()]
    for broker in brokers:

        @dramatiq.actor(broker=broker)
        def note(n: int) -> None:
            effects.add(n)

    for n in range(600):
        note.send(n)
    for broker in brokers:
        start_worker(broker)

    effects.wait_for(600)
    brokers[0].join("default", timeout=30_000)
    assert sorted(effects.all) == list(range(600))


def test_a_paused_worker_takes_nothing_until_it_is_resumed(
    broker: Any, start_worker: WorkerStarter, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.1)

    @dramatiq.actor(broker=broker)
    def note(what: str) -> None:
        effects.add(what)

    # Given a worker that has worked, and is paused
    worker = start_worker(broker)
    note.send("before")
    effects.wait_for(1)
    worker.pause()

    # When a message comes, expect it to stay where it is
    note.send("meanwhile")
    time.sleep(0.5)
    assert effects.all == ["before"]

    # When the worker goes on, expect it to be done
    worker.resume()
    assert effects.wait_for(2) == ["before", "meanwhile"]
    eventually(lambda: broker.do_qsize("default") == 0)


def test_what_a_paused_worker_finishes_is_acknowledged(
    broker: Any, start_worker: WorkerStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.1)
    has_begun, may_end = threading.Event(), threading.Event()

    # Given a worker that is paused while a message runs
    @dramatiq.actor(broker=broker)
    def wait() -> None:
        has_begun.set()
        may_end.wait(60)

    worker = start_worker(broker)
    wait.send()
    has_begun.wait(60)
    pausing = threading.Thread(target=worker.pause)
    pausing.start()
    time.sleep(0.5)  # the consumer is paused by now

    # When the message ends
    may_end.set()
    pausing.join(10)

    # Expect it to be finished for Redis, too
    eventually(lambda: broker.do_qsize("default") == 0)


def test_a_broker_may_have_one_worker_after_another(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker)
    def note(what: str) -> None:
        effects.add(what)

    for n in range(3):
        worker = start_worker(broker)
        note.send(f"a{n}")
        note.send_with_options(args=(f"b{n}",), delay=20)
        effects.wait_for(2 * (n + 1))
        eventually(lambda: broker.do_qsize("default") == 0)
        worker.stop()

    assert len(effects.all) == 6


def test_a_worker_may_take_any_number_of_messages_ahead(
    make_broker: BrokerMaker,
    start_worker: WorkerStarter,
    effects: Effects,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a backlog larger than what Lua can handle in one go, and a worker told to take it all
    monkeypatch.setattr("dramatiq.worker.QUEUE_PREFETCH", 20_000)
    broker = make_broker()

    @dramatiq.actor(broker=broker)
    def note(n: int) -> None:
        effects.add(n)

    pipe, keys = broker.client.pipeline(transaction=False), keys_of(broker.client)
    for n in range(10_000):
        message = note.message(n).copy(options={"redis_message_id": str(n)})
        pipe.hset(keys.messages, str(n), message.encode())
        pipe.rpush(keys.queue, str(n))
    pipe.execute()

    # Expect each message to be done
    start_worker(broker, worker_threads=1)
    assert sorted(effects.wait_for(10_000, timeout_seconds=30)) == list(range(10_000))


def test_async_actors_run(broker: Any, start_worker: WorkerStarter, effects: Effects) -> None:
    broker.add_middleware(AsyncIO())

    @dramatiq.actor(broker=broker)
    async def note(what: str) -> None:
        await asyncio.sleep(0.01)
        effects.add(what)

    start_worker(broker)
    for n in range(20):
        note.send(str(n))

    assert sorted(effects.wait_for(20), key=int) == [str(n) for n in range(20)]


@pytest.fixture
def add(broker: Any) -> dramatiq.Actor[..., int]:
    broker.add_middleware(Results(backend=ResultBackend(client=broker.client)))

    @dramatiq.actor(broker=broker, store_results=True)
    def add(a: int, b: int) -> int:
        return a + b

    return add


def test_results_can_be_waited_for(
    broker: Any, add: dramatiq.Actor[..., int], start_worker: WorkerStarter
) -> None:
    start_worker(broker)
    message = add.send(20, 22)

    backend = broker.get_results_backend()
    assert message.get_result(backend=backend, block=True, timeout=30_000) == 42


@pytest.mark.parametrize("delay", [None, 50])
def test_pipelines_hand_results_on(
    delay: int | None,
    broker: Any,
    add: dramatiq.Actor[..., int],
    start_worker: WorkerStarter,
) -> None:
    start_worker(broker)
    steps = [add.message(1, 2), add.message(3), add.message(4)]

    result = pipeline(steps, broker=broker).run(delay=delay).get_result(block=True, timeout=30_000)

    assert result == 10


def test_groups_gather_results_and_call_back(
    broker: Any,
    add: dramatiq.Actor[..., int],
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    broker.add_middleware(GroupCallbacks(RateLimiterBackend(client=broker.client)))

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add("all done")

    start_worker(broker)
    work: Any = group([add.message(n, n) for n in range(10)], broker=broker)
    work.add_completion_callback(note.message())
    work.run()

    assert sorted(work.get_results(block=True, timeout=30_000)) == [2 * n for n in range(10)]
    assert effects.wait_for(1) == ["all done"]


def test_rate_limiters_send_messages_back_until_it_is_their_turn(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    mutex = ConcurrentRateLimiter(RateLimiterBackend(client=broker.client), "tap", limit=1)
    at_the_tap, most_at_the_tap = Effects(), Effects()

    @dramatiq.actor(broker=broker, min_backoff=10, max_backoff=40, max_retries=None)
    def pour(n: int) -> None:
        with mutex.acquire():
            at_the_tap.add(+1)
            most_at_the_tap.add(sum(at_the_tap.all))
            at_the_tap.add(-1)
            effects.add(n)

    start_worker(broker, worker_threads=4)
    for n in range(12):
        pour.send(n)

    assert sorted(effects.wait_for(12)) == list(range(12))
    assert max(most_at_the_tap.all) == 1
