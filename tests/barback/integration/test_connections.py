"""Connections that break without a word, and what the server keeps of them."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import dramatiq
import pytest
import redis
from dramatiq.middleware import TimeLimitExceeded

from barback import RedisBroker
from barback.connection import pool as connection_pool
from barback.connection.connection import RedisConnection
from barback.connection.server import describe_server
from barback.dead_letters import DeadLetters
from barback.errors import BrokerUnavailable
from barback.recovery.heartbeat import Heartbeat
from examples.cluster.servers import start_server
from tests.support.polling import eventually
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    with Proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def actor(proxy: Proxy, done: list[str]) -> Iterator[dramatiq.Actor[..., None]]:
    """An actor whose worker, in threads of this process, reaches Redis through the proxy."""
    broker = RedisBroker(url=proxy.url, socket_timeout=1)

    @dramatiq.actor(broker=broker)
    def note(what: str) -> None:
        done.append(what)

    worker = dramatiq.Worker(broker, worker_timeout=1000, worker_threads=2)
    worker.start()
    note.send("first")
    eventually(lambda: done == ["first"])
    eventually(lambda: broker.do_qsize("default") == 0)
    yield note
    worker.stop()
    broker.close()


@pytest.fixture
def sender(redis_url: str, actor: dramatiq.Actor[..., None]) -> Iterator[Any]:
    """Send a message to the actor without the proxy."""
    broker = RedisBroker(url=redis_url)
    yield lambda what: broker.enqueue(actor.message(what))
    broker.close()


def test_a_message_does_not_go_to_a_connection_that_broke_on_the_worker_s_side_only(
    proxy: Proxy, sender: Any, done: list[str]
) -> None:
    # Given an idle worker whose connections broke, which the server does not know
    proxy.cut_clients()
    eventually(lambda: proxy.new_connections >= 2)

    # When messages come, expect each to be done, and not to be taken for the old connection
    for n in range(5):
        sender(f"n{n}")
    eventually(lambda: len(done) == 6, complaint=lambda: str(done))


def test_a_worker_finds_out_within_seconds_that_a_network_has_forgotten_its_connections(
    proxy: Proxy, sender: Any, done: list[str]
) -> None:
    proxy.forget_connections()

    sender("second")

    eventually(lambda: done == ["first", "second"])


def test_one_connection_that_is_found_silent_is_enough(proxy: Proxy) -> None:
    # Given a pool with idle connections of which a network knows nothing any more
    with contextlib.closing(RedisBroker(url=proxy.url, socket_timeout=1)) as broker:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(broker.do_qsize, ["default"] * 40))
        broker.client.ping()
        idle = proxy.new_connections
        proxy.forget_connections()

        # When one of them was waited for in vain
        with pytest.raises(redis.TimeoutError):
            broker.do_qsize("default")

        # Expect the others not to be
        assert broker.do_qsize("default") == 0
        assert broker.client.ping()
        assert idle >= 2


def test_a_sentinel_that_is_silent_holds_nobody_up(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        # Given a Sentinel, and another one before it that takes connections and says nothing
        primary = start_server(tmp_path / "primary", stack, options={})
        watching = {"sentinel": f"monitor bar 127.0.0.1 {primary.port} 1"}
        sentinel = start_server(tmp_path / "sentinel", stack, "--sentinel", options=watching)
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        addresses = f"127.0.0.1:{silent.getsockname()[1]},{sentinel.address}"
        url = f"redis+sentinel://{addresses}/bar?sentinel_socket_timeout=60"
        broker = stack.enter_context(contextlib.closing(RedisBroker(url=url)))

        # Expect to be told the primary, long before the silent one's time is over
        begun_at = time.monotonic()
        server = describe_server(broker.client)
        assert time.monotonic() - begun_at < 30
        assert server["address"] == primary.address


def test_a_consumer_that_holds_messages_is_always_listed(
    redis_url: str, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a consumer that took a message before its first heartbeat, or after it was given up
    broker = RedisBroker(url=redis_url)

    @dramatiq.actor(broker=broker)
    def note() -> None: ...

    note.send()
    consumer = broker.consume("default")
    monkeypatch.setattr(Heartbeat, "note_consumer", lambda *_: None)
    eventually(lambda: next(consumer) is not None)

    # Expect others to find it when they look for the dead
    assert redis_client.zrange("dramatiq:__barback__:default:heartbeats", 0, -1) == [
        broker.broker_id
    ]
    consumer.close()
    broker.close()


def test_a_worker_whose_description_was_cleared_away_describes_itself_again(
    redis_client: redis.Redis, redis_url: str
) -> None:
    broker = RedisBroker(url=redis_url)
    dramatiq.actor(broker=broker, actor_name="note")(lambda: None)
    worker = dramatiq.Worker(broker, worker_timeout=100)
    worker.start()
    eventually(lambda: redis_client.hlen("dramatiq:__barback__:workers") == 1)

    redis_client.delete("dramatiq:__barback__:workers")

    eventually(lambda: redis_client.hlen("dramatiq:__barback__:workers") == 1)
    worker.stop()
    broker.close()


def test_an_answer_that_an_interrupted_thread_has_not_read_is_nobody_elses(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a thread that a time limit interrupts between its command and the answer
    broker = RedisBroker(url=redis_url)
    broker.declare_queue("beer")
    broker.declare_queue("coffee")
    message: dramatiq.Message[Any] = dramatiq.Message("beer", "pour", (), {}, {})
    broker.enqueue(message)

    def send_and_be_interrupted(self: RedisConnection, *commands: Any) -> None:
        send(self, *commands)
        raise TimeLimitExceeded

    send = RedisConnection.send
    with monkeypatch.context() as patch:
        patch.setattr(RedisConnection, "send", send_and_be_interrupted)
        with pytest.raises(TimeLimitExceeded):
            broker.enqueue(message)

    # Expect the next command to get its own answer
    sent = broker.enqueue(message.copy(queue_name="coffee"))
    assert broker.position(sent) == 0
    broker.close()


def test_connections_that_a_burst_has_left_are_closed(
    redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a program in which twenty threads have waited for Redis at the same time
    monkeypatch.setattr("barback.connection.pool.MAX_IDLE_SECONDS", 0.2)
    broker = RedisBroker(url=redis_url)
    broker.declare_queue("default")
    before = len(redis_client.client_list())
    redis_client.client_pause(1_500)
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(broker.do_qsize, ["default"] * 20))
    assert len(redis_client.client_list()) >= before + 15

    # When one goes on asking, expect the connections of the others to be closed
    eventually(
        lambda: broker.do_qsize("default") == 0 and len(redis_client.client_list()) <= before + 1
    )
    broker.close()


class MoodyConnection(redis.Connection):
    """As redis-py's, which reads a file and asks for credentials for each connection."""

    error: ClassVar[Exception | None] = None
    refused: ClassVar[list[Exception]] = []

    def __init__(self, **parameters: Any) -> None:
        if self.error is not None:
            self.refused.append(self.error)
            raise self.error
        super().__init__(**parameters)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, os.strerror(errno.EMFILE)), RuntimeError("no credentials")]
)
def test_a_worker_that_cannot_make_connections_finishes_its_messages_when_it_can_again(
    error: Exception, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker at work
    pool = redis.ConnectionPool.from_url(proxy.url, connection_class=MoodyConnection)
    broker = RedisBroker(client=redis.Redis(connection_pool=pool))
    started, go_on = threading.Barrier(5), threading.Event()

    @dramatiq.actor(broker=broker, max_retries=0)
    def fail(number: int) -> None:
        started.wait(60)
        go_on.wait(60)
        raise ValueError(number)

    for number in range(4):
        fail.send(number)
    worker = dramatiq.Worker(broker, worker_timeout=1000, worker_threads=4)
    worker.start()
    try:
        started.wait(60)

        # When its connections break, its messages end, and it can make no other connection
        with monkeypatch.context() as patch:
            patch.setattr(MoodyConnection, "error", error)
            proxy.cut_clients()
            with pytest.raises(BrokerUnavailable, match=str(error.args[-1])):
                fail.send(4)
            go_on.set()
            tries = len(MoodyConnection.refused)
            eventually(lambda: len(MoodyConnection.refused) > tries + len(worker.workers))

        # Expect Redis to be told how they ended as soon as that can be done
        eventually(lambda: len(DeadLetters(broker, "default")) == 4)
        assert all(thread.is_alive() for thread in worker.workers)
    finally:
        go_on.set()
        worker.stop(timeout=10_000)
        broker.close()


def test_a_connection_that_was_closed_while_it_lay_idle_breaks_no_other(
    broker: RedisBroker, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server with a `timeout`, or a proxy, closed that of the claims of an idle worker once a
    minute: each time a worker took the server for dead, and said so.
    """
    # Given a connection for claims that lies idle, and is closed by the other side
    monkeypatch.setattr(connection_pool, "MAX_IDLE_SECONDS", 0.0)
    connections = broker.store.claim_connections
    (client_id,) = connections.call_all([("CLIENT", "ID")])
    redis_client.client_kill_filter(_id=client_id)
    (idle,) = connections._idle
    eventually(lambda: idle.is_dropped)

    # Expect the next claim to be made on another one, and none to count as broken
    calls = broker.store.worker_calls("default", "nobody")
    assert connections.run_once(*calls.claiming(1, 1, "no epoch")) is None
    assert connections.source.breaks == 0
