"""Steering messages of queues that are on several servers of a cluster."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dramatiq
import pytest
from click.testing import CliRunner

from barback import RedisBroker
from barback.cli import main
from barback.control import (
    Control,
    Limit,
    Unique,
    cancel,
    cancel_all,
    check_cancelled,
    find,
    list_running,
    pause,
    paused,
    purge,
    resume,
)
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

QUEUES = [f"queue-{number}" for number in range(6)]


@pytest.fixture
def broker(cluster_url: str) -> Iterator[RedisBroker]:
    namespace = f"test-{uuid4()}"
    with contextlib.closing(RedisBroker(url=cluster_url, namespace=namespace)) as broker:
        broker.add_middleware(Control(remember_seconds=60))
        yield broker


@pytest.fixture
def run(cluster_url: str, broker: RedisBroker) -> Callable[..., Result]:
    options = ["--redis-url", cluster_url, "--namespace", broker.namespace]
    return lambda *arguments: CliRunner().invoke(main, [*options, *arguments])


@contextlib.contextmanager
def working(broker: RedisBroker) -> Iterator[None]:
    worker = dramatiq.Worker(broker, worker_threads=8, worker_timeout=100)
    worker.start()
    try:
        yield
    finally:
        worker.stop(timeout=10_000)


def declare(
    broker: RedisBroker, work: Callable[..., object], **options: Any
) -> list[dramatiq.Actor[..., Any]]:
    """An actor for each queue, which does the same."""
    return [
        dramatiq.actor(broker=broker, actor_name=name, queue_name=name, **options)(work)
        for name in QUEUES
    ]


def id_of(message: dramatiq.Message[Any]) -> str:
    return str(message.options["redis_message_id"])


def test_messages_are_found_and_cancelled_on_whatever_server_they_are(
    broker: RedisBroker, run: Callable[..., Result]
) -> None:
    # Given messages on six queues, one of each of which waits and one is delayed
    actors = declare(broker, lambda: None)
    waiting = [actor.send() for actor in actors]
    delayed = [actor.send_with_options(delay=60_000) for actor in actors]

    # When each is looked for by either id, or by the beginning of one
    for message in waiting:
        for found in (find(broker, id_of(message)), find(broker, message.message_id)):
            assert (found.state, found.position) == ("waiting", 0)
    for message in delayed:
        assert find(broker, message.message_id).state == "delayed"
        assert f"Message id: {message.message_id}\n" in run("show", message.message_id[:13]).output

    # Expect to find and to cancel them
    assert cancel(broker, waiting[0].message_id) == "cancelled"
    assert cancel_all(broker, QUEUES[1]).cancelled == 2
    assert purge(broker, QUEUES[2]) == 1
    assert run("cancel", "--actor", QUEUES[3], "--yes").stdout == "2 cancelled.\n"
    states = [find(broker, id_of(message)).state for message in waiting]
    assert states == ["cancelled", "cancelled", "unknown", "cancelled", "waiting", "waiting"]


def test_running_messages_are_seen_and_stopped(broker: RedisBroker) -> None:
    def work() -> None:
        while True:
            check_cancelled()
            threading.Event().wait(0.01)

    messages = [actor.send() for actor in declare(broker, work)]
    with working(broker):
        eventually(lambda: len(list_running(broker)) == len(QUEUES))

        assert {cancel(broker, message.message_id) for message in messages} == {"asked"}

        eventually(
            lambda: {find(broker, id_of(message)).state for message in messages} == {"cancelled"},
        )


def test_pauses_claims_and_the_limits_of_each_queue_hold(
    broker: RedisBroker, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a paused queue, and actors that may run one at a time
    lock, most, at_work = threading.Lock(), dict.fromkeys(QUEUES, 0), dict.fromkeys(QUEUES, 0)

    def work(queue: str, number: int) -> None:
        with lock:
            at_work[queue] += 1
            most[queue] = max(most[queue], at_work[queue])
        threading.Event().wait(0.02 * (number % 2))
        with lock:
            at_work[queue] -= 1

    actors = declare(broker, work, limit=Limit("one", at_once=1), unique=Unique())
    caplog.set_level("WARNING", "barback.worker")
    pause(broker, QUEUES[0], reason="a test")
    sent = [actor.send(actor.queue_name, number) for actor in actors for number in range(6)]
    again = [actor.send(actor.queue_name, 1) for actor in actors]

    # When a worker works, expect all but the paused ones to be done, one at a time
    with working(broker):
        eventually(lambda: not any(map(broker.do_qsize, QUEUES[1:])))
        assert broker.do_qsize(QUEUES[0]) == 6
        assert paused(broker).keys() == {QUEUES[0]}
        assert resume(broker, QUEUES[0])
        eventually(lambda: broker.do_qsize(QUEUES[0]) == 0)
        eventually(lambda: {find(broker, id_of(it)).state for it in sent} == {"done"})

    assert [it.message_id for it in again] == [it.message_id for it in sent[1::6]]
    assert set(most.values()) == {1}
    # … and the worker to have said that the limit is each queue's own
    assert caplog.text.count("'one' holds for each of the queues queue-0, queue-1") == 1
