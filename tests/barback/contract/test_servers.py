"""Servers on which messages would not be safe."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.errors import ConnectionFailed

from barback import RedisBroker
from barback.connection.server import each_server
from tests.barback.contract.conftest import ONE_SERVER, OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.barback.contract.conftest import BrokerMaker, WorkerStarter


@pytest.fixture
def evicting_server(redis_client: redis.Redis) -> Iterator[None]:
    for server in each_server(redis_client):
        server.config_set("maxmemory-policy", "allkeys-lru")
        server.config_set("maxmemory", "1gb")
    yield
    for server in each_server(redis_client):
        server.config_set("maxmemory", 0)
        server.config_set("maxmemory-policy", "noeviction")


REFUSAL = r"never to evict keys, got maxmemory-policy allkeys-lru.*Set `maxmemory-policy noevict"


@pytest.mark.stock_fails("it does not look")
@pytest.mark.usefixtures("evicting_server")
@pytest.mark.parametrize("how", ["enqueue", "delay", "enqueue_many", "enqueue_once"])
def test_a_producer_refuses_a_server_that_evicts_keys(how: str, broker: Any) -> None:
    @dramatiq.actor(broker=broker)
    def note() -> None: ...

    attempts: dict[str, Any] = {
        "enqueue": note.send,
        "delay": lambda: note.send_with_options(delay=10),
        "enqueue_many": lambda: broker.enqueue_many([note.message()]),
        "enqueue_once": lambda: broker.enqueue_once(note.message(), token="t", ttl_seconds=9),
    }
    with pytest.raises(ConnectionFailed, match=REFUSAL):
        attempts[how]()


@pytest.mark.stock_fails("it does not look")
@pytest.mark.usefixtures("evicting_server")
def test_a_worker_refuses_a_server_that_evicts_keys(
    broker: Any, start_worker: WorkerStarter
) -> None:
    with pytest.raises(ConnectionFailed, match=REFUSAL):
        start_worker(broker)


class OldRedis(socketserver.StreamRequestHandler):
    """Answers like a Redis of another time, as far as a client asks before its first message."""

    version = "6.2.14"

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while header := self.rfile.readline():
                words = [self._read_word() for _ in range(int(header[1:]))]
                self.wfile.write(self._answer(words[0].upper()))

    def _read_word(self) -> str:
        size = int(self.rfile.readline()[1:])
        return self.rfile.read(size + 2)[:-2].decode()

    def _answer(self, command: str) -> bytes:
        if command == "INFO":
            info = f"# Server\r\nredis_version:{self.version}\r\nmaxmemory_policy:noeviction\r\n"
            return f"${len(info)}\r\n{info}\r\n".encode()
        if command == "HELLO":
            return b"-NOPROTO unsupported protocol version\r\n"
        return b":1\r\n" if command == "CLIENT" else b"+OK\r\n"


@pytest.fixture
def old_redis_url() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OldRedis) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0?protocol=2"
        server.shutdown()
        thread.join(5)


@ONE_SERVER
@pytest.mark.stock_fails("it does not look")
def test_a_server_that_is_too_old_is_refused(
    make_broker: BrokerMaker, old_redis_url: str, start_worker: WorkerStarter
) -> None:
    broker = make_broker(url=old_redis_url)

    @dramatiq.actor(broker=broker)
    def note() -> None: ...

    refusal = r"Expected Redis 7.0 or newer, or Valkey; got Redis 6.2.14. Upgrade the server."
    with pytest.raises(ConnectionFailed, match=refusal):
        note.send()
    with pytest.raises(ConnectionFailed, match=refusal):
        start_worker(broker)


@OURS
def test_a_client_that_decodes_answers_is_refused_by_ours(redis_client: redis.Redis) -> None:
    with pytest.raises(ValueError, match="Expected a client that answers in bytes"):
        RedisBroker(client=redis_client)


@OURS
def test_data_in_an_unknown_format_is_refused(
    broker: Any, redis_client: redis.Redis, start_worker: WorkerStarter
) -> None:
    # Given data of a version to come
    @dramatiq.actor(broker=broker)
    def note() -> None: ...

    redis_client.set(broker.store.fleet_keys.format, "2")

    # Expect producers and workers to say so, and to leave it alone
    refusal = "Expected data in format 1, got 2: another version of barback works in the namespace"
    with pytest.raises(ConnectionFailed, match=refusal):
        note.send()
    with pytest.raises(ConnectionFailed, match=refusal):
        start_worker(broker)
    assert redis_client.get(broker.store.fleet_keys.format) == "2"
