"""Which client a broker uses, and what it leaves to the program."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import dramatiq
import fakeredis
import pytest
import redis
from dramatiq.errors import BrokerConnectionError

from tests.barback.contract.conftest import ONE_SERVER
from tests.barback.contract.effects import Effects

if TYPE_CHECKING:
    from tests.barback.contract.conftest import BrokerMaker, WorkerStarter

pytestmark = ONE_SERVER


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.fixture
def other_url(redis_url: str) -> str:
    """Another database of the same server."""
    url = f"{redis_url}?db=1" if redis_url.startswith("unix") else f"{redis_url.rstrip('/0')}/1"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.mark.parametrize(
    ("pool_class", "size"),
    [(redis.BlockingConnectionPool, 16), (redis.ConnectionPool, 16), (redis.ConnectionPool, 10)],
)
def test_a_bounded_pool_is_enough_for_many_queues_and_threads(
    *,
    make_broker: BrokerMaker,
    redis_url: str,
    start_worker: WorkerStarter,
    effects: Effects,
    pool_class: type[redis.ConnectionPool],
    size: int,
) -> None:
    # Given a broker of several queues, whose client has few connections, and its worker
    pool = pool_class.from_url(redis_url, max_connections=size)
    broker = make_broker(client=redis.Redis(connection_pool=pool))
    queue_count = size // 4  # each takes two of stock's consumers
    actors = []
    for n in range(queue_count):

        @dramatiq.actor(broker=broker, queue_name=f"queue-{n}", actor_name=f"note-{n}")
        def note(n: int) -> None:
            effects.add(n)

        actors.append(note)
    start_worker(broker, worker_threads=2)

    # When as many threads as there are queues send to all of them
    with ThreadPoolExecutor(queue_count) as senders:
        sent = [
            senders.submit(actor.send, n * 100 + m)
            for n, actor in enumerate(actors)
            for m in range(20)
        ]
    for each in sent:
        each.result()

    # Expect each to be taken and done
    assert len(effects.wait_for(queue_count * 20)) == queue_count * 20
    pool.disconnect()


@pytest.mark.stock_fails("it takes its connections from the client's pool")
def test_a_worker_takes_no_connection_of_the_program_s(
    make_broker: BrokerMaker, redis_url: str, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given a client whose only connection the program uses itself
    pool = redis.ConnectionPool.from_url(redis_url, max_connections=1)
    mine = pool.get_connection()
    broker = make_broker(client=redis.Redis(connection_pool=pool))

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)

    # When a message is sent and done
    start_worker(broker)
    note.send()
    effects.wait_for(1)
    note.send_with_options(delay=10)

    # Expect that to succeed
    effects.wait_for(2)
    pool.release(mine)
    pool.disconnect()


@pytest.mark.stock_fails("its scripts go to the first client for ever")
def test_a_client_that_is_set_later_is_followed(
    make_broker: BrokerMaker, other_url: str, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given a broker that has sent a message to one server
    broker = make_broker()

    @dramatiq.actor(broker=broker)
    def note(where: str) -> None:
        effects.add(where)

    note.send("first server")
    first = broker.client

    # When its client is replaced
    with redis.Redis.from_url(other_url) as other:
        broker.client = other
        note.send("other server")

        # Expect everything to happen there, and what was sent before to stay where it is
        assert broker.client is other
        assert other.llen("dramatiq:default") == 1
        start_worker(broker)
        assert effects.wait_for(1) == ["other server"]
        broker.join("default", timeout=30_000)
        assert first.llen("dramatiq:default") == 1
        first.close()


def test_a_producer_and_a_worker_get_along_with_fakeredis(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    broker = make_broker(client=fakeredis.FakeRedis(server=fakeredis.FakeServer()))

    @dramatiq.actor(broker=broker, min_backoff=1, max_backoff=1)
    def note(n: int) -> None:
        effects.add(n)
        if n == 1 and effects.all.count(1) == 1:
            raise RuntimeError("once")

    note.send(1)
    start_worker(broker)
    effects.wait_for(2)
    note.send(2)
    note.send_with_options(args=(3,), delay=20)

    assert sorted(effects.wait_for(4)) == [1, 1, 2, 3]
    broker.join("default", timeout=30_000)


def test_several_queues_are_served_on_fakeredis(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    broker = make_broker(client=fakeredis.FakeRedis(server=fakeredis.FakeServer()))
    for queue_name in ("a", "b", "c"):

        @dramatiq.actor(broker=broker, queue_name=queue_name, actor_name=queue_name)
        def note(n: str) -> None:
            effects.add(n)

    worker = start_worker(broker)
    for queue_name in ("a", "b", "c"):
        broker.get_actor(queue_name).send(queue_name)

    assert sorted(effects.wait_for(3)) == ["a", "b", "c"]
    worker.join()


@pytest.mark.parametrize(
    "parameters",
    [{"ssl": False}, {"single_connection_client": True}, {"single_connection_client": False}],
)
def test_parameters_of_a_client_may_stand_beside_a_url(
    make_broker: BrokerMaker,
    effects: Effects,
    parameters: dict[str, Any],
    start_worker: WorkerStarter,
) -> None:
    broker = make_broker(**parameters)

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)

    note.send()
    start_worker(broker)

    effects.wait_for(1)


def test_a_url_counts_more_than_a_pool(
    make_broker: BrokerMaker, redis_url: str, other_url: str, effects: Effects
) -> None:
    pool = redis.ConnectionPool.from_url(other_url)
    broker = make_broker(url=redis_url, connection_pool=pool)

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)

    note.send()

    with redis.Redis.from_url(redis_url) as client:
        assert client.llen("dramatiq:default") == 1
    pool.disconnect()


def test_a_pool_alone_is_used(make_broker: BrokerMaker, other_url: str, effects: Effects) -> None:
    pool = redis.ConnectionPool.from_url(other_url)
    broker = make_broker(url=None, connection_pool=pool)

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)

    note.send()

    with redis.Redis.from_url(other_url) as client:
        assert client.llen("dramatiq:default") == 1
    pool.disconnect()


def test_who_catches_the_client_s_errors_catches_those_of_a_dead_server(
    make_broker: BrokerMaker, free_port: int, effects: Effects
) -> None:
    broker = make_broker(url=f"redis://127.0.0.1:{free_port}/0")

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)

    with pytest.raises(redis.RedisError):
        note.send()


@pytest.mark.stock_fails("the bare error of the client, which is no error of Dramatiq's")
def test_who_catches_dramatiq_s_errors_catches_those_of_a_dead_server(
    make_broker: BrokerMaker, free_port: int, effects: Effects
) -> None:
    broker = make_broker(url=f"redis://127.0.0.1:{free_port}/0")

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)

    with pytest.raises(BrokerConnectionError):
        note.send()


def test_arguments_that_cannot_be_encoded_are_a_type_error(broker: Any, effects: Effects) -> None:
    @dramatiq.actor(broker=broker)
    def note(what: object) -> None:
        effects.add(what)

    with pytest.raises(TypeError):
        note.send(threading.Lock())
