"""Other programs keep keys of their own, or take away those of the broker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.errors import WrongKeyType
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


@pytest.fixture
def note(broker: Any, effects: Effects) -> dramatiq.Actor[..., None]:
    @dramatiq.actor(broker=broker, max_retries=0)
    def note(what: Any) -> None:
        effects.add(what)

    return note


@pytest.mark.parametrize("key", ["dramatiq:__workers__", "dramatiq:__queues__", "dramatiq:workers"])
def test_keys_of_middleware_do_no_harm(
    *,
    note: dramatiq.Actor[..., None],
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
    broker: Any,
    key: str,
) -> None:
    redis_client.sadd(key, "somebody else's")

    note.send(1)
    note.send_with_options(args=(2,), delay=20)
    start_worker(broker)

    assert sorted(effects.wait_for(2)) == [1, 2]
    assert redis_client.smembers(key) == {"somebody else's"}


@pytest.mark.stock_fails("the error names no key")
@pytest.mark.parametrize("key", ["dramatiq:default", "dramatiq:default.msgs"])
def test_a_producer_is_told_which_key_is_of_a_wrong_type(
    note: dramatiq.Actor[..., None], redis_client: redis.Redis, key: str
) -> None:
    redis_client.set(key, "somebody else's")

    with pytest.raises(WrongKeyType, match=f"the key {key} to be a (list|hash), got a string"):
        note.send(1)

    # Nothing of the message is left behind.
    assert redis_client.keys("dramatiq:default*") == [key]


@pytest.mark.stock_fails("the error names no key")
def test_a_producer_of_delayed_messages_is_told_which_key_is_of_a_wrong_type(
    note: dramatiq.Actor[..., None], redis_client: redis.Redis
) -> None:
    redis_client.set("dramatiq:default.DQ.msgs", "somebody else's")

    with pytest.raises(WrongKeyType, match=r"the key dramatiq:default.DQ.msgs to be a hash"):
        note.send_with_options(args=(1,), delay=1000)


@pytest.mark.stock_fails("it has no such key")
def test_a_producer_is_told_that_the_names_of_queues_are_of_a_wrong_type(
    note: dramatiq.Actor[..., None], redis_client: redis.Redis
) -> None:
    redis_client.set("dramatiq:__barback__:queues", "somebody else's")

    with pytest.raises(WrongKeyType, match=r"the key dramatiq:__barback__:queues to be a set"):
        note.send(1)


@pytest.mark.stock_fails("the error names no key")
@pytest.mark.parametrize("key", ["dramatiq:default", "dramatiq:__heartbeats__"])
def test_a_worker_says_once_which_key_is_of_a_wrong_type_and_goes_on_when_it_is_gone(
    *,
    note: dramatiq.Actor[..., None],
    broker: Any,
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
    caplog: pytest.LogCaptureFixture,
    key: str,
) -> None:
    # Given something of another program's under a key of the broker's
    redis_client.set(key, "somebody else's")

    # When a worker starts, expect it to say so
    start_worker(broker)
    eventually(lambda: f"Expected the key {key} to be a " in caplog.text)

    # When that is gone, expect it to work
    redis_client.delete(key)
    note.send(1)
    effects.wait_for(1)
    assert caplog.text.count(f"Expected the key {key} to be a ") == 1


@pytest.mark.stock_fails("the error names no key, and the message is stranded")
def test_a_rejection_that_redis_refuses_holds_up_nothing(
    *,
    note: dramatiq.Actor[..., None],
    broker: Any,
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given a queue whose dead letters have nowhere to go
    redis_client.set("dramatiq:default.XQ", "somebody else's")

    @dramatiq.actor(broker=broker, max_retries=0)
    def fail() -> None:
        raise RuntimeError("failed")

    @dramatiq.actor(broker=broker, max_retries=3, min_backoff=1, max_backoff=5)
    def retry() -> None:
        effects.add("tried")
        if effects.all.count("tried") < 3:
            raise RuntimeError("failed")

    # When messages are rejected, retried and done
    worker = start_worker(broker)
    for n in range(5):
        fail.send()
        note.send(n)
    retry.send()

    # Expect the others to be done, and one complaint for each rejection
    effects.wait_for(8)
    refused = "Redis refuses to finish message"

    def all_are_refused() -> bool:
        note.send("the worker looks what is left to do when it takes a message")
        return caplog.text.count(refused) >= 5

    eventually(all_are_refused)
    assert caplog.text.count(refused) == 5
    assert "dramatiq:default.XQ to be a zset, got a string" in caplog.text

    # When there is room for dead letters again, expect nothing to be lost
    redis_client.delete("dramatiq:default.XQ")
    worker.stop()
    start_worker(broker)
    eventually(lambda: redis_client.zcard("dramatiq:default.XQ") == 5)
    broker.join("default", timeout=30_000)


def test_a_delayed_message_is_cancelled_by_deleting_its_payload(
    *,
    note: dramatiq.Actor[..., None],
    broker: Any,
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given delayed messages, one of them cancelled
    caplog.set_level(logging.ERROR)
    cancelled = note.send_with_options(args=("cancelled",), delay=200)
    note.send_with_options(args=("kept",), delay=300)
    redis_client.hdel("dramatiq:default.DQ.msgs", cancelled.options["redis_message_id"])

    # When workers come and go until the other is done
    start_worker(broker).stop()
    worker = start_worker(broker)
    effects.wait_for(1)
    note.send("later")
    effects.wait_for(2)
    worker.stop()

    # Expect nothing to come of the one
    assert effects.all == ["kept", "later"]
    assert redis_client.zcard("dramatiq:default.XQ") == 0
    assert caplog.text == ""


@pytest.mark.stock_fails("its id stays in the set of those that a worker holds")
def test_a_cancelled_message_leaves_no_trace(
    note: dramatiq.Actor[..., None],
    broker: Any,
    redis_client: redis.Redis,
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    cancelled = note.send_with_options(args=("cancelled",), delay=50)
    redis_client.hdel("dramatiq:default.DQ.msgs", cancelled.options["redis_message_id"])
    note.send_with_options(args=("kept",), delay=100)

    worker = start_worker(broker)
    effects.wait_for(1)
    worker.stop()

    queue_keys = [key for key in redis_client.keys("dramatiq:*") if "default" in key]
    assert queue_keys == []


def test_a_cancelled_message_is_no_work_left(
    note: dramatiq.Actor[..., None], broker: Any, redis_client: redis.Redis
) -> None:
    cancelled = note.send_with_options(args=("cancelled",), delay=600_000)

    redis_client.hdel("dramatiq:default.DQ.msgs", cancelled.options["redis_message_id"])

    broker.join("default.DQ", timeout=30_000)
