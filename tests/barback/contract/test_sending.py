"""What a producer may rely on."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Middleware
from dramatiq.errors import BrokerError, ConnectionFailed
from dramatiq.middleware import CurrentMessage

from barback import send_many
from barback.connection.server import each_server
from barback.connection.url import client_for
from barback.errors import BulkEnqueueFailed
from tests.barback.contract.conftest import ONE_SERVER
from tests.barback.contract.effects import Effects
from tests.support.keys import keys_like

if TYPE_CHECKING:
    import redis

    from tests.barback.contract.conftest import BrokerMaker, FullServer, WorkerStarter


@pytest.fixture
def effects() -> Effects:
    return Effects()


def flush_scripts(client: redis.Redis) -> None:
    for server in each_server(client):
        server.script_flush()


def declare(broker: Any, effects: Effects, **options: Any) -> dramatiq.Actor[..., Any]:
    def note(what: Any) -> None:
        effects.add(what)

    return dramatiq.actor(broker=broker, **options)(note)


@ONE_SERVER
@pytest.mark.stock_fails("further parameters are dropped where a url is given")
def test_further_connection_parameters_complete_the_url(make_broker: BrokerMaker) -> None:
    broker = make_broker(client_name="tap", socket_timeout=1.5)

    assert broker.client.client_getname() == "tap"
    assert broker.client.connection_pool.connection_kwargs["socket_timeout"] == 1.5


def test_a_client_of_one_s_own_is_used(
    make_broker: BrokerMaker, redis_url: str, start_worker: WorkerStarter, effects: Effects
) -> None:
    client = client_for(redis_url, {"client_name": "mine"})
    broker = make_broker(client=client)
    actor = declare(broker, effects)
    start_worker(broker)

    actor.send("a")

    assert effects.wait_for(1) == ["a"]
    assert broker.client is client


def test_namespaces_keep_two_fleets_apart(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given two fleets on one server
    ours, theirs = make_broker(namespace="ours"), make_broker(namespace="theirs")
    our_actor, their_effects = declare(ours, effects), Effects()
    their_actor = declare(theirs, their_effects)

    # When both send, and workers of one fleet run
    their_actor.send("theirs")
    our_actor.send("ours")
    start_worker(ours)

    # Expect the other fleet's message to be left alone
    assert effects.wait_for(1) == ["ours"]
    assert theirs.do_qsize("default") == 1


class Stamp(Middleware):
    """Puts something into each message, as tracing middleware does."""

    def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        message.options["stamps"] = [*message.options.get("stamps", ()), delay]


class StampReader(Middleware):
    def __init__(self, effects: Effects) -> None:
        self._effects = effects

    def before_process_message(self, broker: Any, message: Any) -> None:
        self._effects.add((*message.args, message.options.get("stamps", [])[:1]))


@pytest.mark.parametrize("delay", [None, 10])
def test_what_middleware_adds_to_a_message_travels_with_it(
    delay: int | None, broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    broker.add_middleware(Stamp())
    broker.add_middleware(StampReader(effects))
    actor = declare(broker, Effects())
    start_worker(broker)

    actor.send_with_options(args=("a",), delay=delay)

    assert effects.wait_for(1) == [("a", [delay])]


def test_what_middleware_adds_to_a_retry_travels_with_it(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    broker.add_middleware(Stamp())

    @dramatiq.actor(broker=broker, min_backoff=10, max_backoff=10, max_retries=1)
    def fail() -> None:
        message: Any = CurrentMessage.get_current_message()
        effects.add(message.options["stamps"])
        raise RuntimeError("no")

    start_worker(broker)
    fail.send()

    first, second = effects.wait_for(2)
    assert first == [None]
    assert len(second) > 1


@pytest.mark.stock_fails("there is no enqueue_many")
@pytest.mark.parametrize("delay", [None, 10])
def test_what_middleware_adds_to_many_messages_travels_with_them(
    delay: int | None, broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    broker.add_middleware(Stamp())
    broker.add_middleware(StampReader(effects))
    actor = declare(broker, Effects())
    start_worker(broker)

    broker.enqueue_many([actor.message("a"), actor.message("b")], delay=delay)

    assert sorted(effects.wait_for(2)) == [("a", [delay]), ("b", [delay])]


@pytest.mark.stock_fails("the encoder's error tells neither the actor nor a way out")
@pytest.mark.parametrize("argument", [object(), {"a", "b"}, b"bytes"])
def test_arguments_that_cannot_be_encoded_are_refused_at_the_call(
    argument: object, broker: Any, effects: Effects
) -> None:
    actor = declare(broker, effects)

    with pytest.raises(BrokerError, match=r"actor 'note' cannot be encoded.*Pass plain data"):
        actor.send(argument)

    assert broker.do_qsize("default") == 0


@pytest.mark.stock_fails("the encoder's error tells neither the actor nor a way out")
def test_arguments_that_are_nested_without_end_are_refused_at_the_call(
    broker: Any, effects: Effects
) -> None:
    actor = declare(broker, effects)
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]

    with pytest.raises(BrokerError, match="cannot be encoded"):
        actor.send(nested)


@pytest.mark.stock_fails("any size is accepted")
def test_a_message_over_the_size_limit_is_refused_at_the_call(
    make_broker: BrokerMaker, effects: Effects
) -> None:
    actor = declare(make_broker(), effects)
    actor.send("x" * 1_000_000)

    with pytest.raises(BrokerError, match=r"at most 1,048,576 are allowed.*an id or a path"):
        actor.send("x" * 1_050_000)


@pytest.mark.stock_fails("there is no limit to set")
def test_the_size_limit_can_be_set(make_broker: BrokerMaker, effects: Effects) -> None:
    actor = declare(make_broker(max_message_bytes=1000), effects)

    with pytest.raises(BrokerError, match="at most 1,000 are allowed"):
        actor.send("x" * 1000)


@pytest.mark.stock_fails("the bare error of the client, which is no error of Dramatiq's")
def test_a_producer_gets_a_clear_error_when_memory_is_full(
    broker: Any, full_server: FullServer, effects: Effects
) -> None:
    actor = declare(broker, effects)
    full_server.fill()

    with pytest.raises(ConnectionFailed, match="Redis did not take the message"):
        actor.send("a")
    with pytest.raises(ConnectionFailed, match="Redis did not take the message"):
        actor.send_with_options(args=("a",), delay=10)

    full_server.make_room()
    assert broker.do_qsize("default") == 0


@pytest.mark.stock_fails("the bare error of the client, which is no error of Dramatiq's")
def test_a_producer_gets_a_clear_error_when_nobody_answers(
    make_broker: BrokerMaker, effects: Effects
) -> None:
    actor = declare(make_broker(url="redis://127.0.0.1:1/0"), effects)

    with pytest.raises(ConnectionFailed, match="Redis did not take the message"):
        actor.send("a")


@pytest.mark.stock_fails("it connects, but the error is the bare one of the client")
def test_a_producer_can_go_on_after_its_connections_were_killed(
    broker: Any, redis_client: redis.Redis, effects: Effects
) -> None:
    actor = declare(broker, effects)
    actor.send("before")

    for server in each_server(redis_client):
        server.client_kill_filter(_type="normal", skipme=True)
    actor.send("after")

    assert broker.queue_length("default") == 2


def test_a_producer_can_go_on_after_the_scripts_were_flushed(
    broker: Any, redis_client: redis.Redis, start_worker: WorkerStarter, effects: Effects
) -> None:
    actor = declare(broker, effects)
    actor.send("before")

    flush_scripts(redis_client)
    actor.send("after")
    flush_scripts(redis_client)
    start_worker(broker)

    assert sorted(effects.wait_for(2)) == ["after", "before"]


# -- many at once ---------------------------------------------------------------------------------


@pytest.mark.stock_fails("there is no enqueue_many")
def test_many_messages_arrive_in_order_and_each_once(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given more messages than travel in one step, for two queues
    actor = declare(broker, effects)
    other_effects = Effects()
    other = declare(broker, other_effects, queue_name="other", actor_name="other")

    # When they are enqueued
    messages = (each for n in range(1_250) for each in (actor.message(n), other.message(n)))
    assert broker.enqueue_many(messages) == 2_500

    # Expect one worker thread to do each of them once and, by queue, in order
    start_worker(broker, worker_threads=1)
    assert effects.wait_for(1_250) == list(range(1_250))
    assert other_effects.wait_for(1_250) == list(range(1_250))
    broker.join("default", timeout=30_000)
    broker.join("other", timeout=30_000)


@pytest.mark.stock_fails("there is no enqueue_many")
def test_many_messages_can_be_delayed(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    actor = declare(broker, effects)

    assert broker.enqueue_many([actor.message("a"), actor.message("b")], delay=200) == 2
    assert broker.queue_length("default") == 0

    start_worker(broker)
    assert sorted(effects.wait_for(2)) == ["a", "b"]


class HookLog(Middleware):
    def __init__(self) -> None:
        self.before: list[Any] = []
        self.after: list[Any] = []

    def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        self.before.append(message.args[0])

    def after_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        self.after.append(message.args[0])


@pytest.mark.stock_fails("there is no enqueue_many")
def test_middleware_sees_each_of_many_messages(broker: Any, effects: Effects) -> None:
    hooks = HookLog()
    broker.add_middleware(hooks)
    actor = declare(broker, effects)

    broker.enqueue_many(actor.message(n) for n in range(1_200))

    assert hooks.before == hooks.after == list(range(1_200))


@pytest.mark.stock_fails("there is no enqueue_many")
def test_when_one_of_many_messages_is_refused_it_is_told_how_many_were_enqueued(
    broker: Any, effects: Effects
) -> None:
    hooks = HookLog()
    broker.add_middleware(hooks)
    actor = declare(broker, effects)
    messages = [actor.message(n if n != 1_234 else "x" * 2_000_000) for n in range(2_000)]

    with pytest.raises(BulkEnqueueFailed, match=r"first 1,000 were .*at most") as caught:
        broker.enqueue_many(messages)

    assert caught.value.enqueued == broker.queue_length("default") == 1_000
    assert hooks.after == list(range(1_000))


@pytest.mark.stock_fails("there is no enqueue_many")
def test_when_memory_runs_out_under_many_messages_it_is_told_how_many_were_enqueued(
    broker: Any, full_server: FullServer, effects: Effects
) -> None:
    actor = declare(broker, effects)
    broker.enqueue_many([actor.message("first")])

    def messages() -> Any:
        for n in range(2_000):
            if n == 1_400:  # the first chunk is confirmed while the third is made
                full_server.fill()
            yield actor.message(n)

    with pytest.raises(BulkEnqueueFailed, match="enqueued for certain") as caught:
        broker.enqueue_many(messages())

    full_server.make_room()
    assert caught.value.enqueued in {500, 1_000}
    assert broker.queue_length("default") == 1 + caught.value.enqueued


@pytest.mark.stock_fails("there is no enqueue_many")
def test_when_the_program_fails_to_make_a_message_it_is_told_how_many_were_enqueued(
    broker: Any, effects: Effects
) -> None:
    actor = declare(broker, effects)

    def messages() -> Any:
        yield from (actor.message(n) for n in range(700))
        raise KeyError("a row without an address")

    with pytest.raises(BulkEnqueueFailed, match="a row without an address") as caught:
        broker.enqueue_many(messages())

    assert caught.value.enqueued == broker.queue_length("default") == 500


@pytest.mark.stock_fails("there is no enqueue_many")
def test_many_messages_are_enqueued_although_the_scripts_are_flushed(
    broker: Any, redis_client: redis.Redis, effects: Effects
) -> None:
    actor = declare(broker, effects)

    def messages() -> Any:
        for n in range(2_000):
            if n % 600 == 599:
                flush_scripts(redis_client)
            yield actor.message(n)

    assert broker.enqueue_many(messages()) == broker.queue_length("default") == 2_000


def test_an_actor_sends_many_messages_on_any_broker(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    actor = declare(broker, effects)

    assert send_many(actor, [("a",), {"what": "b"}]) == 2

    start_worker(broker)
    assert sorted(effects.wait_for(2)) == ["a", "b"]


# -- once -----------------------------------------------------------------------------------------


@pytest.mark.stock_fails("there is no enqueue_once")
def test_of_many_who_enqueue_under_one_token_one_succeeds(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    brokers = [make_broker() for _ in range(4)]
    actors = [declare(each, effects) for each in brokers]
    winners = Effects()

    def race(number: int) -> None:
        sent = brokers[number].enqueue_once(
            actors[number].message(number), token="order 7", ttl_seconds=60
        )
        if sent is not None:
            winners.add(number)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert brokers[0].queue_length("default") == 1
    start_worker(brokers[0])
    assert effects.wait_for(1) == winners.all


@pytest.mark.stock_fails("there is no enqueue_once")
@pytest.mark.parametrize("ttl", [0, -1, float("nan"), dt.timedelta(days=1)])
def test_a_time_for_which_no_token_can_be_remembered_is_the_callers_error(
    broker: Any, effects: Effects, ttl: Any
) -> None:
    actor = declare(broker, effects)

    with pytest.raises(ValueError, match="Expected ttl_seconds to be a finite number of seconds"):
        broker.enqueue_once(actor.message("a"), token="t", ttl_seconds=ttl)


@pytest.mark.stock_fails("there is no enqueue_once")
def test_a_token_is_remembered_only_for_its_time(
    broker: Any, redis_client: redis.Redis, effects: Effects
) -> None:
    actor = declare(broker, effects)
    broker.enqueue_once(actor.message("a"), token="t", ttl_seconds=90)
    (key,) = keys_like(redis_client, "*:once:*")

    assert 85_000 < redis_client.pttl(key) <= 90_000

    redis_client.delete(key)  # as at the end of its time
    assert broker.enqueue_once(actor.message("b"), token="t", ttl_seconds=90) is not None


# -- the queue from outside -----------------------------------------------------------------------


@pytest.mark.stock_fails("there is no position")
def test_a_producer_sees_how_long_the_queue_is_and_where_its_message_stands(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    actor = declare(broker, effects)
    sent = [actor.send(n) for n in range(3)]

    assert broker.queue_length("default") == 3
    assert [broker.position(message) for message in sent] == [0, 1, 2]

    start_worker(broker)
    effects.wait_for(3)
    assert broker.position(sent[0]) is None


@pytest.mark.stock_fails("producers write heartbeats, too")
def test_a_producer_is_no_worker(broker: Any, redis_client: redis.Redis, effects: Effects) -> None:
    declare(broker, effects).send("a")

    assert keys_like(redis_client, "*:heartbeats") == []
    assert keys_like(redis_client, "*__heartbeats__*") == []
