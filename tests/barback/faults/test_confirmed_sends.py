"""What is lost, and what is not, when a server dies under load: with and without `confirm`."""

from __future__ import annotations

import contextlib
import itertools
import threading
from typing import TYPE_CHECKING, Any, Self

import dramatiq
import pytest

from barback import RedisBroker
from barback.errors import BrokerUnavailable, BulkEnqueueFailed
from examples.cluster.servers import Server, start_server
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

SYNCED = {
    "appendonly": "yes",
    "appendfsync": "always",
    "save": '""',
    "repl-diskless-sync-delay": 0,
}

#: How many messages a bulk has.
BULK = 20


class Load:
    """Threads that send in every way, and note what was accepted."""

    def __init__(self, url: str, confirm: str | None) -> None:
        self.accepted: set[int] = set()
        self.refused = 0
        self._broker = RedisBroker(url=url, confirm=confirm, socket_timeout=3)
        self._numbers = itertools.count()
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(send,), daemon=True)
            for send in (self._send_one, self._send_many, self._send_once)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(30)
        self._broker.close()

    def wait_for_more(self, count: int) -> None:
        wanted = len(self.accepted) + count
        eventually(lambda: len(self.accepted) >= wanted, timeout_seconds=30)

    def _run(self, send: Callable[[], set[int]]) -> None:
        while not self._is_over.wait(0.002):
            try:
                self.accepted |= send()
            except (BrokerUnavailable, BulkEnqueueFailed):
                self.refused += 1

    def _message(self) -> dramatiq.Message[Any]:
        return dramatiq.Message("jobs", "job", (next(self._numbers),), {}, {})

    def _send_one(self) -> set[int]:
        return {self._broker.enqueue(self._message()).args[0]}

    def _send_many(self) -> set[int]:
        messages = [self._message() for _ in range(BULK)]
        self._broker.enqueue_many(messages)
        return {message.args[0] for message in messages}

    def _send_once(self) -> set[int]:
        message = self._message()
        self._broker.enqueue_once(message, token=message.message_id, ttl_seconds=60)
        return {message.args[0]}


def stored(server: Server) -> set[int]:
    """The messages that a server has."""
    payloads: list[str] = server.call("HVALS", "dramatiq:jobs.msgs")
    return {dramatiq.Message.decode(payload.encode()).args[0] for payload in payloads}


def report(load: Load, server: Server) -> int:
    """Print the ledger; return how much of what was accepted is missing."""
    missing = len(load.accepted - stored(server))
    print(  # noqa: T201 - pytest -rP shows it
        f"accepted {len(load.accepted)}, refused or not confirmed {load.refused}, "
        f"accepted and missing {missing}"
    )
    return missing


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def server(tmp_path: Path, stack: contextlib.ExitStack) -> Server:
    return start_server(tmp_path / "server", stack, options=SYNCED)


def test_what_was_confirmed_on_disk_survives_a_killed_server(server: Server) -> None:
    with Load(f"redis://{server.address}", "disk") as load:
        load.wait_for_more(300)
        server.kill()
    server.start_again()

    assert report(load, server) == 0


@pytest.mark.parametrize("confirm", ["replicas:1", None])
def test_what_was_confirmed_survives_a_failover_to_a_replica_that_lags(
    confirm: str | None, server: Server, tmp_path: Path, stack: contextlib.ExitStack
) -> None:
    # Given a primary under load, whose replica keeps up until it hears nothing more
    following = {**SYNCED, "replicaof": f"127.0.0.1 {server.port}"}
    replica = start_server(tmp_path / "replica", stack, options=following)
    eventually(replica.is_replicating)
    with Load(f"redis://{server.address}", confirm) as load:
        load.wait_for_more(300)
        with replica.frozen():
            server.call("CLIENT", "KILL", "TYPE", "replica")  # or the kernel keeps what is sent
            if confirm is None:
                load.wait_for_more(300)
            else:
                eventually(lambda: load.refused >= 3)

            # When the primary dies, and the replica takes over
            server.kill()
    replica.call("REPLICAOF", "NO", "ONE")

    # Expect all that was confirmed to be there; without, this is what can be missing
    missing = report(load, replica)
    assert missing == 0 if confirm else missing > 0
