"""Unit tests of actors that are unique, limited or cancelled need no Redis."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback.control import Limit, Progress, Unique, cancelled, check_cancelled, progress
from barback.control.running import current
from barback.control.stub import StubBroker
from barback.errors import AlreadyEnqueued
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def broker() -> StubBroker:
    broker = StubBroker()
    broker.emit_after("process_boot")
    return broker


@pytest.fixture
def run_worker(broker: StubBroker) -> Iterator[Callable[[], dramatiq.Worker]]:
    worker = dramatiq.Worker(broker, worker_timeout=20, worker_threads=4)

    def run_worker() -> dramatiq.Worker:
        worker.start()
        return worker

    yield run_worker
    worker.stop()


@pytest.mark.parametrize("delay", [None, 50])
def test_a_unique_message_is_sent_once_until_it_has_ended(
    delay: int | None, broker: StubBroker, run_worker: Callable[[], dramatiq.Worker]
) -> None:
    # Given an actor that fails at first
    runs: list[str] = []

    @dramatiq.actor(broker=broker, unique=Unique(), min_backoff=10, max_backoff=10)
    def pour(order: str) -> None:
        runs.append(order)
        assert pour.send(order).message_id == first.message_id
        if len(runs) == 1:
            raise RuntimeError("try again")

    first = pour.send_with_options(args=("one",), delay=delay)
    assert pour.send("one").message_id == first.message_id
    assert pour.send("two").message_id != first.message_id
    broker.flush("default")  # the second one, which is of no interest here
    if delay is None:
        first = pour.send("one")

    # When it has run with its retry
    run_worker()
    eventually(lambda: runs == ["one", "one"])
    broker.join("default", timeout=30_000)

    # Expect the way to be free
    assert pour.send("one").message_id != first.message_id


def test_conflicts_raise_or_replace(
    broker: StubBroker, run_worker: Callable[[], dramatiq.Worker]
) -> None:
    poured: list[int] = []

    def by_order(order: str, _: int) -> str:
        return order

    @dramatiq.actor(broker=broker, unique=Unique(key=by_order, on_conflict="raise"))
    def strict(order: str, size: int) -> None: ...

    @dramatiq.actor(broker=broker, unique=Unique(key=by_order, on_conflict="replace"))
    def latest(_: str, size: int) -> None:
        poured.append(size)

    strict.send("one", 1)
    with pytest.raises(AlreadyEnqueued):
        strict.send("one", 2)
    latest.send("one", 1)
    latest.send("one", 2)
    run_worker()
    broker.join("default", timeout=30_000)

    assert poured == [2]


def test_limited_messages_wait_and_others_go_on(
    broker: StubBroker, run_worker: Callable[[], dramatiq.Worker]
) -> None:
    # Given many limited messages, and another one behind them
    most, at_work = 0, 0
    lock, noted = threading.Lock(), threading.Event()

    @dramatiq.actor(broker=broker, limit=Limit("stove", at_once=2))
    def cook() -> None:
        nonlocal most, at_work
        with lock:
            at_work += 1
            most = max(most, at_work)
        assert noted.wait(60)
        with lock:
            at_work -= 1

    for _ in range(20):
        cook.send()
    dramatiq.actor(broker=broker, actor_name="note")(noted.set).send()

    # When they run, expect two at a time
    run_worker()
    broker.join("default", timeout=30_000)
    assert most == 2


def test_a_rate_is_kept(broker: StubBroker, run_worker: Callable[[], dramatiq.Worker]) -> None:
    starts: list[float] = []

    @dramatiq.actor(broker=broker, limit=Limit("stove", rate=1, per_seconds=1))
    def cook() -> None:
        starts.append(time.monotonic())

    cook.send()
    cook.send()
    run_worker()
    broker.join("default", timeout=30_000)

    assert starts[1] - starts[0] > 0.1


def test_a_message_is_cancelled_while_it_waits_and_while_it_runs(
    broker: StubBroker, run_worker: Callable[[], dramatiq.Worker]
) -> None:
    # Given an actor that looks, and a message that waits and is cancelled
    started, ran = threading.Event(), []

    @dramatiq.actor(broker=broker)
    def work() -> None:
        started.set()
        eventually(cancelled)
        check_cancelled()
        raise AssertionError("not reached")

    note = dramatiq.actor(broker=broker, actor_name="note")(lambda: ran.append("note"))
    broker.cancel(note.send())

    # When one is cancelled while it runs
    message = work.send()
    run_worker()
    assert started.wait(60)
    broker.cancel(message)

    # Expect it to stop, and to be no dead letter
    broker.join("default", timeout=30_000)
    assert ran == []
    assert broker.dead_letters == []


def test_progress_is_kept_and_stops_what_is_cancelled(
    broker: StubBroker, run_worker: Callable[[], dramatiq.Worker]
) -> None:
    # Given an actor that says how far it is, and goes on until that stops it
    seen: list[Progress | None] = []

    @dramatiq.actor(broker=broker)
    def work() -> None:
        with pytest.raises(ValueError, match="0 or more, got -1 and None"):
            progress(-1)
        progress(1, 2, "x" * 300)
        running = current()
        assert running is not None
        seen.append(running.progress)
        eventually(cancelled)
        progress(2, 2)
        seen.append(None)

    progress(1, 2, "outside of an actor it does nothing")

    # When it is cancelled, expect it to go no further, and to be no dead letter
    message = work.send()
    run_worker()
    eventually(lambda: seen == [Progress(1, 2, "x" * 200)])
    broker.cancel(message)
    broker.join("default", timeout=30_000)
    assert len(seen) == 1
    assert broker.dead_letters == []


def test_a_message_that_is_too_old_is_not_run(
    broker: StubBroker, run_worker: Callable[[], dramatiq.Worker]
) -> None:
    ran: list[str] = []
    note = dramatiq.actor(broker=broker, actor_name="note", max_age=30_000)(ran.append)
    late = note.message("late")
    late = broker.enqueue(late.copy(message_timestamp=late.message_timestamp - 60_000))
    note.send("in time")

    run_worker()
    broker.join("default", timeout=30_000, fail_fast=False)

    assert ran == ["in time"]
    assert [it.message_id for it in broker.dead_letters] == [late.message_id]
