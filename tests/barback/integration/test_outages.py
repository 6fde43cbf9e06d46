"""What a worker logs while its server is away: as much as a person needs."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import dramatiq
import pytest
import redis
import trustme
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from barback import RedisBroker
from barback.connection.remedies import explained
from barback.consuming import doorbell
from barback.control import Control, remembering
from barback.embedded import EmbeddedServer
from barback.metrics import Metrics
from barback.speedups import hooks
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUEUES = [f"queue-{n}" for n in range(8)]


@pytest.fixture
def server(session_dir: Path, tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server that a test may stop or let refuse."""
    server = EmbeddedServer(session_dir / tmp_path.name[-20:])
    yield server
    server.stop()


@pytest.fixture
def broker(server: EmbeddedServer) -> Iterator[RedisBroker]:
    """A broker of eight queues on that server."""
    broker = RedisBroker(url=server.ensure())
    for name in QUEUES:
        broker.declare_queue(name)
    yield broker
    broker.close()


def test_an_outage_is_told_as_a_whole_and_with_it_what_was_left_out(
    server: EmbeddedServer,
    broker: RedisBroker,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a worker of many queues with work in progress, which does not insist on its results
    monkeypatch.setattr(hooks, "INSIST_SECONDS", 0.0)
    broker.add_middleware(Results(backend=RedisBackend(client=broker.client)))
    broker.add_middleware(Metrics())
    started, go_on = threading.Event(), threading.Event()

    @dramatiq.actor(broker=broker, queue_name=QUEUES[0], store_results=True)
    def pour() -> int:
        started.set()
        go_on.wait(60)
        return 1

    def is_over() -> bool:
        # It is told of a moment later.
        outage = [text for text in caplog.messages if "whatever needs Redis" in text]
        return not broker.store.silence("").is_on and outage[-1].startswith("Resumed")

    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    pour.send()
    assert started.wait(60)
    caplog.clear()

    # When its server is away, while the work ends, and comes back
    with caplog.at_level(logging.INFO):
        server.stop()
        eventually(lambda: broker.store.silence("").is_on)
        go_on.set()
        eventually(lambda: "was left out" in caplog.text)
        server.ensure()
        eventually(is_over)
    said = list(caplog.messages)
    worker.stop()

    # Expect to hear of it as a whole, whatever the number of queues, and of the lost result. A
    # server that is about to end may take a connection once more, which is then told of, too.
    outage = [text for text in said if "whatever needs Redis" in text]
    assert [text.split(":")[0] for text in outage] == ["Interrupted", "Resumed"] * (
        len(outage) // 2
    )
    (left_out,) = (text for text in said if text not in outage)
    assert left_out.startswith("after_process_message of Results was left out. Reason: ")
    assert "Traceback" not in caplog.text


def test_a_worker_that_is_told_to_stop_insists_on_no_result_whose_server_is_away(
    server: EmbeddedServer,
    broker: RedisBroker,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a worker that insists, for as long as it may, on a result that nobody keeps
    monkeypatch.setattr(hooks, "INSIST_SECONDS", 3_600.0)
    monkeypatch.setattr(hooks, "LAST_INSIST_SECONDS", 0.1)
    broker.add_middleware(Results(backend=RedisBackend(client=broker.client)))
    started, go_on = threading.Event(), threading.Event()

    @dramatiq.actor(broker=broker, queue_name=QUEUES[0], store_results=True)
    def pour() -> int:
        started.set()
        go_on.wait(60)
        return 1

    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    pour.send()
    assert started.wait(60)
    with caplog.at_level(logging.DEBUG):
        server.stop()
        go_on.set()
        eventually(lambda: "after_process_message has to wait" in caplog.text)

        # When it is told to stop
        worker.stop(timeout=30_000)

    # Expect it to give that up, instead of staying until somebody kills it
    assert "after_process_message of Results was left out" in caplog.text


def test_a_server_that_answers_and_takes_nothing_is_told_of_once(
    broker: RedisBroker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker of several queues, which asks its server each second to wake it
    monkeypatch.setattr(doorbell, "WAIT_SECONDS", 1)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()

    def refused() -> int:
        statistics = broker.client.info("commandstats").get("cmdstat_blpop", {})
        return int(statistics.get("rejected_calls", 0))

    # When that is as a server whose disk is full, for some tries, and then is not
    with caplog.at_level(logging.INFO):
        broker.client.config_set("min-replicas-to-write", 1)
        eventually(lambda: refused() >= 5)
        broker.client.config_set("min-replicas-to-write", 0)
        eventually(lambda: "Resumed: the wake-ups" in caplog.text)
    worker.stop()

    # Expect two lines
    said = [text.split(",")[0] for text in caplog.messages if "the wake-ups of this" in text]
    assert [text.split(":")[0] for text in said] == ["Interrupted", "Resumed"]


def test_a_worker_stops_in_order_although_what_it_took_ahead_cannot_be_given_back(
    broker: RedisBroker, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a worker that runs a message of each of two queues, and has taken more
    go_on, started = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        started.release()
        go_on.wait(60)

    for name in QUEUES[:2]:
        actor = dramatiq.actor(broker=broker, queue_name=name, actor_name=name)(work)
        for _ in range(4):
            actor.send()
    worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    worker.start()
    for _ in range(2):
        assert started.acquire(timeout=60)
    eventually(lambda: worker.work_queue.qsize() > 0)

    # When it is stopped while its server takes no writes
    broker.client.config_set("min-replicas-to-write", 1)
    go_on.set()
    worker.stop()

    # Expect it to end without an error, and the rest to be there for others
    broker.client.config_set("min-replicas-to-write", 0)
    assert "Traceback" not in caplog.text
    left = sum(broker.client.hlen(broker.store.keys(name).messages) for name in QUEUES[:2])
    assert left >= 4


def test_a_full_server_is_told_of_once_by_what_remembers_how_messages_have_ended(
    broker: RedisBroker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that drains a full server
    monkeypatch.setattr(remembering, "WRITE_SECONDS", 0.01)
    broker.add_middleware(Control(remember_seconds=60))

    @dramatiq.actor(broker=broker, queue_name=QUEUES[0])
    def pour() -> None: ...

    for _ in range(100):
        pour.send()
    broker.client.config_set("maxmemory", 1)
    worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=1)
    worker.start()
    try:
        eventually(lambda: broker.do_qsize(QUEUES[0]) == 0)
        eventually(lambda: "Interrupted: remembering how messages end" in caplog.text)

        # When it has room again
        broker.client.config_set("maxmemory", 0)
        pour.send()

        # Expect one line about what could not be remembered, and one that it goes on
        eventually(lambda: "Resumed: remembering how messages end" in caplog.text)
        lines = [it for it in caplog.records if it.name.startswith(remembering.__name__)]
        assert len(lines) == 2
    finally:
        worker.stop(timeout=10_000)


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile"])
@pytest.mark.parametrize(
    ("name", "said"), [("no.pem", "No such file or directory"), ("", "Is a directory")]
)
def test_a_certificate_that_cannot_be_read_is_no_fault_of_the_server(
    option: str, name: str, said: str, tmp_path: Path
) -> None:
    # Given a server, and a file that was not brought along, or was mounted before it existed
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = redis.from_url(f"rediss://127.0.0.1:{port}?{option}={tmp_path / name}")
        with client, pytest.raises(redis.ConnectionError) as caught:
            client.ping()

    assert explained(caught.value).endswith(
        f":{port}. {said}. With TLS, that is a file which ssl_ca_certs, ssl_certfile or "
        "ssl_keyfile names"
    )


def test_a_certificate_for_another_name_is_told_with_what_helps(tmp_path: Path) -> None:
    # Given a server whose certificate names it otherwise than the URL does, and is good
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("bar.example").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def shake_hands(server: ssl.SSLSocket) -> None:
        while server.fileno() >= 0:
            with contextlib.suppress(OSError):
                server.accept()[0].close()

    # When somebody connects, by its address
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        context.wrap_socket(listener, server_side=True) as server,
    ):
        threading.Thread(target=shake_hands, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        client = redis.from_url(f"rediss://127.0.0.1:{port}?ssl_ca_certs={tmp_path / 'ca.pem'}")
        with client, pytest.raises(redis.ConnectionError) as caught:
            client.ping()

    assert explained(caught.value).endswith("Name it in the URL as its certificate does")


def test_a_primary_without_its_replicas_is_told_with_what_helps(server: EmbeddedServer) -> None:
    with redis.from_url(server.ensure()) as client:
        client.config_set("min-replicas-to-write", 1)

        with pytest.raises(redis.ResponseError) as caught:
            client.set("drink", "beer")

    assert explained(caught.value).endswith(
        "Start the replicas that its `min-replicas-to-write` asks for"
    )
