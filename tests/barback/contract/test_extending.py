"""What programs put in place of parts of the broker: hooks, messages, proxies, subclasses."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import MessageProxy, Middleware
from dramatiq.brokers.redis import _RedisConsumer

from barback import RedisBroker
from tests.barback.contract.effects import Effects
from tests.support.keys import keys_of
from tests.support.polling import eventually

if TYPE_CHECKING:
    import redis

    from tests.barback.contract.conftest import BrokerMaker, WorkerStarter


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.fixture
def note(broker: Any, effects: Effects) -> dramatiq.Actor[..., None]:
    @dramatiq.actor(broker=broker)
    def note(what: Any) -> None:
        effects.add(what)

    return note


# -- hooks ------------------------------------------------------------------------------------


class Log(Middleware):
    def __init__(self, effects: Effects) -> None:
        self.effects = effects

    def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        self.effects.add("as defined")

    def after_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        self.effects.add("as defined")


def test_a_hook_is_patched_on_its_class(
    broker: Any,
    note: dramatiq.Actor[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Effects()
    broker.add_middleware(Log(seen))
    note.send(1)

    with monkeypatch.context() as patch:
        for name in ("before_enqueue", "after_enqueue"):
            patch.setattr(Log, name, lambda *_: seen.add("patched"))
        note.send(2)
    note.send(3)

    assert seen.all == ["as defined"] * 2 + ["patched"] * 2 + ["as defined"] * 2


def test_a_hook_is_set_on_the_middleware_itself(
    broker: Any, note: dramatiq.Actor[..., None]
) -> None:
    seen = Effects()
    middleware = Log(seen)
    broker.add_middleware(middleware)
    note.send(1)

    middleware.before_enqueue = lambda *_: seen.add("set")  # type: ignore[method-assign]
    note.send(2)

    assert seen.all == ["as defined", "as defined", "set", "as defined"]


def test_middleware_is_taken_out_of_the_list(broker: Any, note: dramatiq.Actor[..., None]) -> None:
    seen = Effects()
    middleware = Log(seen)
    broker.add_middleware(middleware)
    note.send(1)

    broker.middleware.remove(middleware)
    note.send(2)

    assert seen.all == ["as defined", "as defined"]


# -- settings ---------------------------------------------------------------------------------


def test_how_long_dead_letters_are_kept_is_changed_later(
    broker: Any, start_worker: WorkerStarter, redis_client: redis.Redis
) -> None:
    @dramatiq.actor(broker=broker, max_retries=0)
    def fail() -> None:
        raise RuntimeError("failed")

    fail.send()
    start_worker(broker)
    eventually(lambda: redis_client.zcard(keys_of(redis_client).dead) == 1)

    broker.dead_message_ttl = 0
    broker.maintenance_chance = 1_000_000
    broker.do_qsize("default")

    assert redis_client.zcard(keys_of(redis_client).dead) == 0


def test_when_a_worker_counts_as_dead_is_changed_later(
    make_broker: BrokerMaker, redis_client: redis.Redis
) -> None:
    # Given a message that a program has fetched, and did not finish
    gone, other = make_broker(), make_broker()
    for each in (gone, other):
        each.declare_queue("default")
    gone.do_enqueue("default", "id", b"payload")
    gone.do_fetch("default", 1)
    assert redis_client.lrange(keys_of(redis_client).queue, 0, -1) == []

    # When another one does maintenance and has no patience
    other.heartbeat_timeout = 0
    other.maintenance_chance = 1_000_000
    eventually(lambda: other.do_qsize("default") == 1)

    # Expect it to be back
    assert redis_client.lrange(keys_of(redis_client).queue, 0, -1) == ["id"]


# -- messages and proxies ---------------------------------------------------------------------


def test_signals_may_be_emitted_for_a_proxy_of_the_program_s(
    broker: Any, note: dramatiq.Actor[..., None]
) -> None:
    seen = Effects()

    class Process(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            seen.add(message.args)

        def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
            seen.add(message.args)

    broker.add_middleware(Process())
    proxy = MessageProxy(note.message(5))

    broker.emit_before("process_message", proxy)
    broker.emit_after("process_message", proxy, result=None)

    assert seen.all == [(5,), (5,)]


@pytest.mark.parametrize("how", ["ack", "nack"])
def test_a_consumer_takes_a_proxy_of_the_program_s(
    broker: Any, note: dramatiq.Actor[..., None], redis_client: redis.Redis, how: str
) -> None:
    # Given a message that a program has taken from a consumer by itself
    note.send(5)
    consumer = broker.consume("default", timeout=100)
    taken = next(message for message in consumer if message is not None)

    # When it hands back a proxy of its own
    message: dramatiq.Message[Any] = dramatiq.Message(**{f: getattr(taken, f) for f in FIELDS})
    getattr(consumer, how)(MessageProxy(message))

    # Expect the message to be finished
    assert redis_client.hlen(keys_of(redis_client).messages) == 0
    assert redis_client.zcard(keys_of(redis_client).dead) == (1 if how == "nack" else 0)
    broker.join("default", timeout=30_000)
    consumer.close()


FIELDS = [field.name for field in dataclasses.fields(dramatiq.Message)]


class StampedMessage(dramatiq.Message[Any]):
    """Leaves its mark in the payload."""

    def encode(self) -> bytes:
        fields = json.loads(super().encode())
        fields["options"]["stamp"] = "of the subclass"
        return json.dumps(fields).encode()


@pytest.mark.parametrize("delay", [None, 20])
def test_messages_of_a_subclass_keep_their_class_and_their_encoding(
    broker: Any,
    note: dramatiq.Actor[..., None],
    start_worker: WorkerStarter,
    effects: Effects,
    delay: int | None,
) -> None:
    # Given middleware that looks at what is sent, and at what arrives
    sent, arrived = Effects(), Effects()

    class Look(Middleware):
        def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
            sent.add(type(message))

        def before_process_message(self, broker: Any, message: Any) -> None:
            arrived.add(message.options.get("stamp"))

    broker.add_middleware(Look())

    # When a message of a class of the program's is enqueued
    returned = broker.enqueue(StampedMessage(**note.message(5).asdict()), delay=delay)

    # Expect it to remain one, and to be encoded by its own method
    start_worker(broker)
    assert effects.wait_for(1) == [5]
    assert type(returned) is StampedMessage
    assert sent.all[0] is StampedMessage
    assert arrived.all == ["of the subclass"]


@pytest.mark.stock_fails("there is no enqueue_many")
def test_many_messages_of_a_subclass_keep_their_encoding(
    broker: Any, note: dramatiq.Actor[..., None], redis_client: redis.Redis
) -> None:
    broker.enqueue_many(StampedMessage(**note.message(n).asdict()) for n in range(3))

    payloads: Any = redis_client.hvals(keys_of(redis_client).messages)
    assert len(payloads) == 3
    assert all("of the subclass" in payload for payload in payloads)


def test_middleware_replaces_the_message_of_a_proxy(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given middleware that replaces messages before they run, as when it decrypts them
    class Decrypt(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            if not message.options.get("is_plain"):
                message._message = message._message.copy(
                    args=(message.args[0] * 2,), options={"is_plain": True}
                )

    broker.add_middleware(Decrypt())

    @dramatiq.actor(broker=broker, max_retries=1, min_backoff=1, max_backoff=1)
    def double(n: int) -> None:
        effects.add(n)
        raise RuntimeError("again")

    # When one of them fails
    double.send(21)
    start_worker(broker)

    # Expect what was put in its place to run, and to be what is tried again
    assert effects.wait_for(2) == [42, 42]
    broker.join("default", timeout=30_000)


def test_a_replaced_message_of_a_subclass_is_tried_again_as_one(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    stamps = Effects()

    class Replace(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            stamps.add(message.options.get("stamp"))
            message._message = StampedMessage(**message._message.asdict())

    broker.add_middleware(Replace())

    @dramatiq.actor(broker=broker, max_retries=1, min_backoff=1, max_backoff=1)
    def fail() -> None:
        effects.add(1)
        raise RuntimeError("again")

    fail.send()
    start_worker(broker)

    effects.wait_for(2)
    assert stamps.all == [None, "of the subclass"]
    broker.join("default", timeout=30_000)


# -- subclasses -------------------------------------------------------------------------------


def test_a_subclass_changes_how_messages_are_enqueued_and_consumed(redis_url: str) -> None:
    class Mine(RedisBroker):
        def enqueue(self, message: dramatiq.Message[Any], **parameters: Any) -> Any:
            return super().enqueue(message.copy(options={"mine": True}), **parameters)

        def consume(self, *args: Any, **kwargs: Any) -> Any:
            return super().consume(*args, **kwargs)

    broker = Mine(url=redis_url)
    assert broker.enqueue(dramatiq.Message("default", "a", (), {}, {})).options["mine"]
    broker.close()


@pytest.mark.parametrize(
    "name",
    ["do_ack", "do_enqueue", "do_fetch", "do_nack", "do_requeue", "_dispatch", "consumer_class"],
)
def test_a_subclass_is_refused_whose_override_would_never_be_called(name: str) -> None:
    base = type("Base", (RedisBroker,), {name: _RedisConsumer})
    mine = type("Mine", (base,), {})

    with pytest.raises(TypeError, match=f"Base overrides `{name}`, which stock .* never does"):
        mine(url="redis://127.0.0.1:1/0")


def test_a_mixin_before_the_broker_is_looked_at_too() -> None:
    class Mixin:
        def do_fetch(self, *args: Any) -> Any:
            raise NotImplementedError

    with pytest.raises(TypeError, match="Mixin overrides `do_fetch`"):
        type("Mine", (Mixin, RedisBroker), {})(url="redis://127.0.0.1:1/0")
