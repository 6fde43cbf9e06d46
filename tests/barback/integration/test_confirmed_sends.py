"""Sends that return when the message is safe: on real servers, with and without a replica."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.middleware import Retries
from sqlalchemy import MetaData, create_engine

from barback import RedisBroker
from barback.connection.confirmation import Confirmation
from barback.errors import BulkEnqueueFailed, NotConfirmed, UnsuitableServer
from barback.outbox import Outbox, outbox_table
from examples.cluster.servers import Server, start_server
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SYNCED = {
    "appendonly": "yes",
    "appendfsync": "always",
    "save": '""',
    "repl-diskless-sync-delay": 0,
}

#: For ``enqueue_once``.
new_token = map(str, itertools.count()).__next__

SENDS: dict[str, Callable[..., Any]] = {
    "one": lambda broker, **how: broker.enqueue(a_message(), **how),
    "delayed": lambda broker, **how: broker.enqueue(a_message(), delay=10, **how),
    "many": lambda broker, **how: broker.enqueue_many([a_message()], **how),
    "once": lambda broker, **how: broker.enqueue_once(
        a_message(), token=new_token(), ttl_seconds=9, **how
    ),
}


def a_message() -> dramatiq.Message[Any]:
    return dramatiq.Message("jobs", "job", (), {}, {})


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def server(tmp_path: Path, stack: contextlib.ExitStack) -> Server:
    return start_server(tmp_path / "server", stack, options=SYNCED)


@pytest.fixture
def replica(tmp_path: Path, stack: contextlib.ExitStack, server: Server) -> Server:
    following = {**SYNCED, "replicaof": f"127.0.0.1 {server.port}"}
    replica = start_server(tmp_path / "replica", stack, options=following)
    eventually(replica.is_replicating)
    return replica


@pytest.fixture
def connect(stack: contextlib.ExitStack) -> Callable[..., RedisBroker]:
    def connect(server: Server, **parameters: Any) -> RedisBroker:
        broker = RedisBroker(url=f"redis://{server.address}", **parameters)
        stack.callback(broker.close)
        return broker

    return connect


def confirmations(server: Server) -> int:
    """How often a server was asked to confirm."""
    stats: dict[str, Any] = server.call("INFO", "commandstats")
    return int(stats.get("cmdstat_waitaof", {"calls": 0})["calls"])


@pytest.mark.parametrize("kind", SENDS)
def test_a_server_that_confirms_too_early_is_refused(kind: str, redis_url: str) -> None:
    # The embedded Valkey syncs once a second, and its WAITAOF does not wait for that.
    for by_broker, by_call in (("disk", None), (None, "disk")):
        with contextlib.closing(RedisBroker(url=redis_url, confirm=by_broker)) as broker:
            with pytest.raises(UnsuitableServer, match="appendfsync always"):
                SENDS[kind](broker, confirm=by_call)
            assert broker.do_qsize("jobs") == 0


def test_a_server_without_a_file_is_refused(
    tmp_path: Path, stack: contextlib.ExitStack, connect: Callable[..., RedisBroker]
) -> None:
    forgetful = start_server(tmp_path / "forgetful", stack, options={"save": '""'})

    with pytest.raises(UnsuitableServer, match="appendonly yes"):
        connect(forgetful, confirm="disk").enqueue(a_message())


def test_a_server_with_too_few_replicas_is_refused(
    server: Server, connect: Callable[..., RedisBroker]
) -> None:
    with pytest.raises(UnsuitableServer, match="2 connected replicas, got 0"):
        connect(server).enqueue(a_message(), confirm="replicas:2")


@pytest.mark.parametrize("text", ["disks", "replicas", "replicas:0", "", 1])
def test_a_confirmation_that_means_nothing_is_refused(text: Any, redis_url: str) -> None:
    with pytest.raises(ValueError, match="Expected confirm to be"):
        RedisBroker(url=redis_url, confirm=text)


@pytest.mark.parametrize("kind", SENDS)
def test_every_kind_of_send_is_confirmed(
    kind: str, server: Server, connect: Callable[..., RedisBroker]
) -> None:
    SENDS[kind](connect(server))  # which loads the script
    assert confirmations(server) == 0

    SENDS[kind](connect(server, confirm="disk"))
    assert confirmations(server) == 1


def test_a_bulk_is_confirmed_once_a_chunk(
    server: Server, connect: Callable[..., RedisBroker]
) -> None:
    connect(server, confirm="disk").enqueue_many([a_message() for _ in range(1_200)])

    assert confirmations(server) == 3


def test_a_retry_is_confirmed(server: Server, connect: Callable[..., RedisBroker]) -> None:
    # Given an actor that fails at first
    broker = connect(server, confirm="disk", middleware=[Retries(min_backoff=1, max_backoff=1)])
    attempts: list[int] = []

    @dramatiq.actor(broker=broker, queue_name="jobs")
    def job() -> None:
        attempts.append(confirmations(server))
        if len(attempts) == 1:
            raise RuntimeError("the first try fails")

    # When it is sent
    job.send()
    before = confirmations(server)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    try:
        # Expect its retry to be confirmed, too
        eventually(lambda: len(attempts) == 2)
        assert attempts[1] > before
    finally:
        worker.stop()


def test_what_leaves_the_outbox_is_confirmed(
    server: Server, connect: Callable[..., RedisBroker], tmp_path: Path
) -> None:
    metadata = MetaData()
    outbox = Outbox(outbox_table(metadata), connect(server, confirm="disk"))
    SENDS["once"](connect(server))  # which loads the script
    engine = create_engine(f"sqlite:///{tmp_path}/outbox.db")
    metadata.create_all(engine)
    with engine.begin() as connection:
        outbox.add(connection, a_message())

    assert outbox.flush(engine) == 1
    assert confirmations(server) == 1
    engine.dispose()


@pytest.mark.parametrize("kind", SENDS)
def test_what_is_not_confirmed_in_time_may_be_in_the_queue(
    kind: str,
    server: Server,
    replica: Server,
    connect: Callable[..., RedisBroker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = connect(server)
    broker.enqueue(a_message(), confirm="replicas:1")
    soon = Confirmation(on_disk=False, replicas=1, timeout_ms=100)
    monkeypatch.setattr(Confirmation, "parse", lambda text: soon if text else None)

    with (
        replica.frozen(),
        pytest.raises((NotConfirmed, BulkEnqueueFailed), match="may be in the queue"),
    ):
        SENDS[kind](broker, confirm="replicas:1")

    assert (
        server.call("HLEN", "dramatiq:jobs.msgs") + server.call("HLEN", "dramatiq:jobs.DQ.msgs")
        == 2
    )


def test_a_token_counts_as_used_only_when_its_message_is_confirmed(
    server: Server, replica: Server, connect: Callable[..., RedisBroker]
) -> None:
    # Given a message that was sent once, and not confirmed
    soon = Confirmation(on_disk=False, replicas=1, timeout_ms=100)
    broker = connect(server)
    with replica.frozen():
        for _ in range(2):  # expect the second attempt not to be confirmed either
            with pytest.raises(NotConfirmed):
                broker.sender.enqueue_once(a_message(), token="a", ttl_seconds=9, confirmation=soon)
    assert broker.queue_length("jobs") == 1
    assert 0 < server.call("PTTL", "dramatiq:__barback__:jobs:once:a") <= 9_000


def test_a_message_that_is_said_again_is_not_confirmed_before_it_is_safe(
    server: Server, replica: Server, connect: Callable[..., RedisBroker]
) -> None:
    # Given a message that is stored, the answer to which was lost with its connection
    soon = Confirmation(on_disk=False, replicas=1, timeout_ms=100)
    broker = connect(server)
    calls = broker.store.calls("jobs")
    with replica.frozen():
        calls.send(calls.enqueueing(("id", b"payload")), None)
        broker.store.close()

        # When it is said again over another one
        with pytest.raises(NotConfirmed):
            calls.send(calls.enqueueing(("id", b"payload")), soon)
    assert broker.queue_length("jobs") == 1
