"""A fleet that moves from stock Dramatiq to this broker, and back, without draining its queues."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker as StockRedisBroker

from barback import RedisBroker
from barback.compat.delayed import release_delayed
from tests.barback.contract.effects import Effects
from tests.support.keys import keys_like
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.barback.contract.conftest import WorkerStarter

#: Stock Dramatiq knows no cluster.
pytestmark = pytest.mark.parametrize("kind", ["barback"], indirect=True)


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.fixture
def stock(redis_url: str) -> Iterator[Any]:
    broker = StockRedisBroker(url=redis_url)
    broker.emit_after("process_boot")
    yield broker
    broker.client.close()


@pytest.fixture
def ours(redis_url: str) -> Iterator[RedisBroker]:
    broker = RedisBroker(url=redis_url)
    broker.emit_after("process_boot")
    yield broker
    broker.close()


def declare(broker: Any, effects: Effects) -> dramatiq.Actor[..., None]:
    def note(what: Any) -> None:
        effects.add(what)

    return dramatiq.actor(broker=broker, max_retries=3, min_backoff=10)(note)


@pytest.mark.slow
def test_our_workers_do_what_stock_producers_send(
    stock: Any, ours: RedisBroker, start_worker: WorkerStarter, effects: Effects
) -> None:
    theirs = declare(stock, Effects())
    declare(ours, effects)
    theirs.send("before")
    start_worker(ours)
    theirs.send("after")
    theirs.send_with_options(args=("delayed",), delay=100)

    # A stock producer does not wake a worker for a delayed message: it looks every ten seconds.
    assert sorted(effects.wait_for(3)) == ["after", "before", "delayed"]
    eventually(lambda: ours.do_qsize("default") == 0)


def test_stock_workers_do_what_our_producers_send(
    stock: Any, ours: RedisBroker, start_worker: WorkerStarter, effects: Effects
) -> None:
    note = declare(ours, Effects())
    declare(stock, effects)
    note.send("one")
    ours.enqueue_many([note.message("two"), note.message("three")])
    ours.enqueue_once(note.message("four"), token="t", ttl_seconds=60)
    start_worker(stock)

    assert sorted(effects.wait_for(4)) == ["four", "one", "three", "two"]
    eventually(lambda: ours.do_qsize("default") == 0)


def test_our_workers_adopt_what_stock_has_delayed(
    stock: Any,
    ours: RedisBroker,
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    # Given more delayed messages of stock than are adopted in one step, in no order
    theirs = declare(stock, Effects())
    declare(ours, effects)
    start = time.monotonic()
    for n in range(700):
        theirs.send_with_options(args=(n,), delay=3_000 if n % 2 == 0 else 1_500)

    # When our worker starts, expect it to adopt them, and do them by their times
    start_worker(ours, worker_threads=1)
    eventually(lambda: redis_client.llen("dramatiq:default.DQ") == 0)
    done = effects.wait_for(700)
    assert sorted(done) == list(range(700))
    assert done[:5] != sorted(done)[:5]
    assert time.monotonic() - start > 2.9
    eventually(lambda: ours.do_qsize("default") == 0)


def test_delayed_messages_are_left_to_stock_when_that_is_asked_for(
    stock: Any,
    ours: RedisBroker,
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    # Given delayed messages that only our workers know of
    note = declare(ours, Effects())
    declare(stock, effects)
    ours.enqueue_many((note.message(n) for n in range(600)), delay=2_000)

    # When they are released, and a worker of stock starts
    assert sum(release_delayed(ours.store, "default")) == 600
    assert redis_client.llen("dramatiq:default.DQ") == 600
    start_worker(stock)

    # Expect it to do them when they are due
    assert sorted(effects.wait_for(600, timeout_seconds=60)) == list(range(600))
    eventually(lambda: stock.do_qsize("default") == 0)


def test_our_workers_bring_back_what_a_dead_stock_worker_held(
    stock: Any,
    ours: RedisBroker,
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    # Given a stock worker that took messages and fell silent an hour ago
    theirs = declare(stock, Effects())
    theirs.send("taken")
    theirs.send_with_options(args=("delayed",), delay=1)
    assert len(stock.do_fetch("default", 10)) == 1
    assert len(stock.do_fetch("default.DQ", 10)) == 1
    redis_client.zadd("dramatiq:__heartbeats__", {stock.broker_id: time.time() * 1000 - 3_600_000})

    # When our worker starts, expect both to be back: the second one where stock delays messages
    # or, if our worker has looked there already, done
    declare(ours, effects)
    start_worker(ours)
    eventually(lambda: "taken" in effects.all)
    eventually(lambda: keys_like(redis_client, "*__acks__*") == [])
    eventually(lambda: redis_client.llen("dramatiq:default.DQ") == 1 or "delayed" in effects.all)
