"""What happens to messages that cannot be done."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Middleware, pipeline
from dramatiq.middleware import MiddlewareError, SkipMessage

from tests.barback.contract.effects import Effects
from tests.support.keys import keys_of
from tests.support.polling import eventually

if TYPE_CHECKING:
    import redis

    from tests.barback.contract.conftest import BrokerMaker, FullServer, WorkerStarter


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.fixture
def note(broker: Any, effects: Effects) -> dramatiq.Actor[..., None]:
    @dramatiq.actor(broker=broker, max_retries=0)
    def note(what: Any) -> None:
        effects.add(what)

    return note


def put_raw(client: redis.Redis, redis_id: str | bytes, payload: bytes) -> None:
    """Put anything into the queue, as a program with an error might."""
    keys = keys_of(client)
    client.hset(keys.messages, redis_id, payload)
    client.rpush(keys.queue, redis_id)


def dead_letters(client: redis.Redis) -> dict[str, Any]:
    payloads: Any = client.hgetall(keys_of(client).dead_messages)
    return {redis_id.decode(): payload for redis_id, payload in payloads.items()}


def details(client: redis.Redis, redis_id: str) -> dict[str, Any]:
    raw: Any = client.hget(keys_of(client).dead_details, redis_id)
    return dict(json.loads(raw))


#: What is no message, in as many ways as we could think of.
POISON = {
    "bytes": b"\xff\x00 no text",
    "text": b'"a text"',
    "torn": b"{",
    "empty": b"",
    "no-actor": b'{"queue_name": "default"}',
    "nested": b"[" * 100_000,
    "no-list-of-arguments": b'{"queue_name":"default","actor_name":"note","args":"abc","kwargs":{},'
    b'"options":{},"message_id":"1","message_timestamp":1}',
    "forged-line": b'{"queue_name":"default","actor_name":"note\\nAll is well","args":[],'
    b'"kwargs":{},"options":{},"message_id":"1","message_timestamp":1}',
}


@pytest.mark.stock_fails("the consumer breaks, and the neighbours are stranded with it")
def test_payloads_that_are_no_messages_become_dead_letters_and_harm_no_other(
    broker: Any,
    note: dramatiq.Actor[..., None],
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    # Given payloads that are no messages among others that are
    for n, (redis_id, payload) in enumerate(POISON.items()):
        note.send(n)
        put_raw(broker.client, redis_id, payload)
    note.send(len(POISON))

    # When a worker takes them
    start_worker(broker)

    # Expect the others to be done, and those to be kept byte by byte, with the reason
    effects.wait_for(len(POISON) + 1)
    eventually(lambda: broker.do_qsize("default") == 0)
    assert sorted(effects.all) == list(range(len(POISON) + 1))
    assert dead_letters(broker.client) == POISON
    assert {details(broker.client, each)["reason"] for each in POISON} == {"undecodable"}


@pytest.mark.stock_fails("nothing is known of the time, the reason or the error of a death")
def test_a_message_of_an_unknown_actor_becomes_a_dead_letter_with_the_reason(
    broker: Any,
    note: dramatiq.Actor[..., None],
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    message = broker.enqueue(note.message(1).copy(actor_name="nobody"))
    note.send(2)
    start_worker(broker)

    assert effects.wait_for(1) == [2]
    eventually(lambda: broker.do_qsize("default") == 0)
    redis_id = message.options["redis_message_id"]
    assert set(dead_letters(broker.client)) == {redis_id}
    assert details(broker.client, redis_id)["reason"] == "unknown actor"
    assert "nobody" in details(broker.client, redis_id)["error"]


@pytest.mark.stock_fails("nothing is known of the time, the reason or the error of a death")
def test_a_message_that_failed_too_often_becomes_a_dead_letter_with_its_traceback(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker, max_retries=2, min_backoff=10, max_backoff=10)
    def spill() -> None:
        effects.add("spilled")
        raise RuntimeError("the glass broke")

    spill.send()
    start_worker(broker)

    effects.wait_for(3)
    eventually(lambda: dead_letters(broker.client))
    (redis_id,) = dead_letters(broker.client)
    found = details(broker.client, redis_id)
    assert found["reason"] == "failed"
    assert found["error"] == "RuntimeError: the glass broke"
    assert found["deliveries"] == 3
    assert 'raise RuntimeError("the glass broke")' in found["traceback"]
    assert broker.do_qsize("default") == 0


@pytest.mark.stock_fails("nothing is known of the reason of a death")
def test_messages_whose_errors_can_say_nothing_become_dead_letters_and_hold_up_no_other(
    broker: Any,
    note: dramatiq.Actor[..., None],
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    class PriceError(Exception):
        def __str__(self) -> str:
            return f"no price of {self.price}"  # type: ignore[attr-defined]

    @dramatiq.actor(broker=broker, max_retries=0)
    def overcharge() -> None:
        raise PriceError(7)

    # Given more of them than a worker takes ahead, and another one behind them
    sent = [overcharge.send() for _ in range(10)]
    note.send(1)
    start_worker(broker, worker_threads=2)

    assert effects.wait_for(1) == [1]
    eventually(lambda: broker.do_qsize("default") == 0)
    assert len(dead_letters(broker.client)) == len(sent)
    found = details(broker.client, sent[0].options["redis_message_id"])
    assert found["error"] == "PriceError: <no text: its __str__ raised AttributeError>"


def test_a_failed_message_is_retried_until_it_succeeds(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker, max_retries=5, min_backoff=10, max_backoff=20)
    def succeed_at_last() -> None:
        effects.add("tried")
        if len(effects.all) < 4:
            raise RuntimeError("not yet")

    succeed_at_last.send()
    start_worker(broker)

    effects.wait_for(4)
    eventually(lambda: broker.do_qsize("default") == 0)
    assert len(effects.all) == 4
    assert dead_letters(broker.client) == {}


def test_a_skipped_message_is_done(
    broker: Any,
    note: dramatiq.Actor[..., None],
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    class SkipTwo(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            if message.args == (2,):
                raise SkipMessage("not this one")

    broker.add_middleware(SkipTwo())
    for n in (1, 2, 3):
        note.send(n)
    start_worker(broker)

    assert sorted(effects.wait_for(2)) == [1, 3]
    eventually(lambda: broker.do_qsize("default") == 0)


@pytest.mark.stock_fails("the retry is lost, and the message is acknowledged")
def test_a_retry_that_redis_does_not_take_is_not_lost(
    broker: Any, start_worker: WorkerStarter, effects: Effects, full_server: FullServer
) -> None:
    # Given an actor that fails at first, while Redis has no memory left for anything new
    @dramatiq.actor(broker=broker, max_retries=3, min_backoff=10, max_backoff=10)
    def pour() -> None:
        effects.add("tried")
        if len(effects.all) == 1:
            full_server.fill()
            raise RuntimeError("the tap is stuck")

    # The first middleware is the last one to hear of a processed message
    was_processed = threading.Event()

    class Listener(Middleware):
        def after_process_message(self, *_: Any, **__: Any) -> None:
            was_processed.set()

    broker.middleware.insert(0, Listener())
    pour.send()
    start_worker(broker)
    assert was_processed.wait(60)

    # When there is room again
    full_server.make_room()

    # Expect it to be tried again
    effects.wait_for(2)
    eventually(lambda: broker.do_qsize("default") == 0)


@pytest.mark.stock_fails("the next step is lost, and the message is acknowledged")
def test_a_message_whose_next_step_redis_does_not_take_runs_again(
    broker: Any,
    note: dramatiq.Actor[..., None],
    start_worker: WorkerStarter,
    effects: Effects,
    full_server: FullServer,
) -> None:
    # Given a pipeline whose second message cannot be enqueued when the first one has run
    tried = Effects()

    @dramatiq.actor(broker=broker, max_retries=0)
    def brew() -> str:
        if not tried.all:
            full_server.fill()
        tried.add("brewed")
        return "coffee"

    pipeline([brew.message(), note.message()], broker=broker).run()
    start_worker(broker)
    tried.wait_for(1)
    eventually(lambda: broker.client.hlen(keys_of(broker.client).messages) == 0)

    # When there is room again, expect the first one to run again, and the second one after it
    full_server.make_room()
    assert effects.wait_for(1) == ["coffee"]
    assert dead_letters(broker.client) == {}


@pytest.mark.stock_fails("the call for help is lost, and the message becomes a dead letter")
def test_a_dead_message_whose_call_for_help_redis_does_not_take_runs_again(
    broker: Any, start_worker: WorkerStarter, effects: Effects, full_server: FullServer
) -> None:
    # Given an actor that has another one called when it has failed for good, which cannot be
    # enqueued
    tried = Effects()

    @dramatiq.actor(broker=broker, max_retries=0)
    def call_for_help(message: dict[str, Any], info: dict[str, Any]) -> None:
        del info
        effects.add(message["actor_name"])

    @dramatiq.actor(broker=broker, max_retries=0, on_retry_exhausted="call_for_help")
    def spill() -> None:
        if not tried.all:
            full_server.fill()
        tried.add("spilled")
        raise RuntimeError("the glass broke")

    spill.send()
    start_worker(broker)
    tried.wait_for(1)
    eventually(lambda: broker.client.hlen(keys_of(broker.client).messages) == 0)
    full_server.make_room()

    # Expect it to fail once more, to become one dead letter, and help to be called
    assert effects.wait_for(1) == ["spill"]
    eventually(lambda: broker.do_qsize("default") == 0)
    assert len(dead_letters(broker.client)) == 1


@pytest.mark.stock_fails("it becomes a message of any size, or is lost")
def test_a_retry_that_has_grown_too_large_becomes_a_dead_letter(
    make_broker: BrokerMaker, start_worker: WorkerStarter
) -> None:
    # Given a message just under the limit
    broker = make_broker(max_message_bytes=3_000)

    @dramatiq.actor(broker=broker, max_retries=3, min_backoff=10)
    def spill(text: str) -> None:
        raise RuntimeError(text)

    # When its retry is over the limit, since the traceback travels with it
    spill.send("x" * 2_500)
    start_worker(broker)

    # Expect a dead letter
    eventually(lambda: dead_letters(broker.client))
    assert broker.do_qsize("default") == 0


@pytest.mark.stock_fails("it has no limit")
def test_a_message_that_is_tried_again_is_no_dead_letter_when_its_callback_is_too_large(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given an actor that says more of its failure than a message may hold
    broker = make_broker(max_message_bytes=30_000)

    @dramatiq.actor(broker=broker)
    def call_for_help(message: dict[str, Any], info: dict[str, Any]) -> None:
        del message, info

    @dramatiq.actor(
        broker=broker, max_retries=2, min_backoff=10, max_backoff=10, on_failure="call_for_help"
    )
    def spill() -> None:
        effects.add("spilled")
        raise RuntimeError("x" * 40_000)

    # When it has failed as often as it may
    spill.send()
    start_worker(broker)
    effects.wait_for(3)
    eventually(lambda: broker.do_qsize("default") == 0)

    # Expect one dead letter
    assert len(dead_letters(broker.client)) == 1


@pytest.mark.stock_fails("even an acknowledgement needs memory")
def test_workers_drain_a_full_server(
    broker: Any,
    note: dramatiq.Actor[..., None],
    start_worker: WorkerStarter,
    effects: Effects,
    full_server: FullServer,
) -> None:
    # Given a backlog, a delayed message that is due, and no memory left
    for n in range(100):
        note.send(n)
    note.send_with_options(args=("delayed",), delay=1)
    full_server.fill()

    # When a worker starts
    start_worker(broker)

    # Expect all to be done and gone
    effects.wait_for(101)
    eventually(lambda: broker.do_qsize("default") == 0)


@pytest.mark.stock_fails("even an acknowledgement needs memory")
def test_a_full_server_still_takes_dead_letters_and_retries(
    broker: Any, start_worker: WorkerStarter, effects: Effects, full_server: FullServer
) -> None:
    @dramatiq.actor(broker=broker, max_retries=2, min_backoff=10, max_backoff=10)
    def spill() -> None:
        effects.add("spilled")
        raise RuntimeError("no")

    spill.send()
    full_server.fill()
    start_worker(broker)

    effects.wait_for(3)
    eventually(lambda: len(dead_letters(broker.client)) == 1)
    assert broker.do_qsize("default") == 0


def test_dead_letters_are_forgotten_in_time(
    make_broker: BrokerMaker, start_worker: WorkerStarter
) -> None:
    # Given a broker that forgets dead letters at once
    broker = make_broker(dead_message_ttl=0, maintenance_chance=1_000_000)

    @dramatiq.actor(broker=broker, max_retries=0)
    def spill() -> None:
        raise RuntimeError("no")

    spill.send()
    start_worker(broker)

    # Expect it to be forgotten when the queue is looked after
    keys = keys_of(broker.client)
    eventually(
        lambda: (
            broker.do_qsize("default") == 0
            and not broker.client.exists(keys.dead, keys.dead_messages, keys.dead_details)
        )
    )


def test_an_error_in_middleware_does_not_stop_the_work(
    broker: Any,
    note: dramatiq.Actor[..., None],
    start_worker: WorkerStarter,
    effects: Effects,
) -> None:
    class Broken(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            raise RuntimeError("broken before")

        def after_process_message(
            self, broker: Any, message: Any, *, result: Any = None, exception: Any = None
        ) -> None:
            raise RuntimeError("broken after")

        def after_ack(self, broker: Any, message: Any) -> None:
            raise RuntimeError("broken after ack")

    broker.add_middleware(Broken())
    for n in range(5):
        note.send(n)
    start_worker(broker)

    effects.wait_for(5)
    eventually(lambda: broker.do_qsize("default") == 0)
    assert sorted(effects.all) == list(range(5))


def test_middleware_can_refuse_a_message(
    broker: Any, note: dramatiq.Actor[..., None], effects: Effects
) -> None:
    class Refuse(Middleware):
        def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
            raise MiddlewareError("closed")

    broker.add_middleware(Refuse())

    with pytest.raises(MiddlewareError, match="closed"):
        note.send(1)

    assert broker.do_qsize("default") == 0
    assert effects.all == []
