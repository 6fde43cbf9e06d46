"""A message that a worker holds, or has held, is enqueued once more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.middleware import CurrentMessage, Middleware

from tests.barback.contract.effects import Effects

if TYPE_CHECKING:
    from tests.barback.contract.conftest import BrokerMaker, WorkerStarter


@pytest.fixture
def effects() -> Effects:
    return Effects()


class EnqueueAgain(Middleware):
    """Enqueues each message once more in a hook."""

    def __init__(self, hook_name: str, *, delay: int | None = None) -> None:
        self._delay = delay
        self._done: set[str] = set()
        setattr(self, hook_name, self._enqueue)

    def _enqueue(self, broker: Any, message: Any, **_: Any) -> None:
        if message.message_id not in self._done:
            self._done.add(message.message_id)
            broker.enqueue(message, delay=self._delay)


@pytest.mark.parametrize("delay", [None, 50])
@pytest.mark.parametrize("hook_name", ["before_ack", "after_ack"])
def test_a_hook_around_the_acknowledgement_enqueues_the_message_again(
    broker: Any, start_worker: WorkerStarter, effects: Effects, hook_name: str, delay: int | None
) -> None:
    broker.add_middleware(EnqueueAgain(hook_name, delay=delay))

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)

    start_worker(broker)
    note.send()

    effects.wait_for(2)
    broker.join("default", timeout=30_000)
    assert effects.all == [1, 1]


@pytest.mark.parametrize("delay", [None, 50])
@pytest.mark.parametrize("hook_name", ["before_nack", "after_nack"])
def test_a_hook_around_the_rejection_enqueues_the_message_again(
    broker: Any, start_worker: WorkerStarter, effects: Effects, hook_name: str, delay: int | None
) -> None:
    broker.add_middleware(EnqueueAgain(hook_name, delay=delay))

    @dramatiq.actor(broker=broker, max_retries=0)
    def fail() -> None:
        effects.add(1)
        raise RuntimeError("failed")

    start_worker(broker)
    fail.send()

    effects.wait_for(2)
    broker.join("default", timeout=30_000)
    assert effects.all == [1, 1]


def test_a_thread_that_outlives_its_actor_enqueues_the_message_again(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given a thread that an actor has started, and that goes on when the actor is done
    threads: list[threading.Thread] = []
    is_done = threading.Event()

    class Tell(Middleware):
        def after_ack(self, broker: Any, message: Any) -> None:
            is_done.set()

    broker.add_middleware(Tell())

    def enqueue(message: Any) -> None:
        is_done.wait(60)
        broker.enqueue(message)

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add(1)
        if not threads:
            thread = threading.Thread(target=enqueue, args=[CurrentMessage.get_current_message()])
            threads.append(thread)
            thread.start()

    # When it enqueues the message of that actor
    start_worker(broker)
    note.send()

    # Expect it to run again
    effects.wait_for(2)
    threads[0].join(10)


def test_threads_that_enqueue_while_their_message_is_finished_lose_nothing(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given actors that leave what follows to a thread, which enqueues it at about the moment in
    # which their message is finished
    count = 200
    threads: list[threading.Thread] = []

    @dramatiq.actor(broker=broker)
    def note(*, is_last: bool) -> None:
        if is_last:
            effects.add(1)
            return
        message: Any = CurrentMessage.get_current_message()
        message.kwargs["is_last"] = True
        thread = threading.Thread(target=broker.enqueue, args=[message])
        threads.append(thread)
        thread.start()

    # When there are many of them
    for _ in range(count):
        note.send(is_last=False)
    start_worker(broker, worker_threads=4)

    # Expect each of them to be followed
    effects.wait_for(count)
    for thread in threads:
        thread.join(10)
    broker.join("default", timeout=30_000)
    assert len(effects.all) == count


def test_a_copy_of_the_message_in_work_goes_at_once(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    @dramatiq.actor(broker=broker)
    def note() -> None:
        message: Any = CurrentMessage.get_current_message()
        effects.add(message.message_id)
        if len(effects.all) == 1:
            broker.enqueue(message.copy())
            effects.wait_for(2)

    start_worker(broker, worker_threads=2)
    message = note.send()

    assert effects.wait_for(2) == [message.message_id] * 2
    broker.join("default", timeout=30_000)


def test_a_message_that_was_kept_is_replayed_later(
    broker: Any, start_worker: WorkerStarter, effects: Effects
) -> None:
    kept: list[Any] = []

    class Keep(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            kept.append(message)

    broker.add_middleware(Keep())

    @dramatiq.actor(broker=broker)
    def note(n: int) -> None:
        effects.add(n)

    start_worker(broker)
    note.send(5)
    effects.wait_for(1)
    broker.join("default", timeout=30_000)

    broker.enqueue(kept[0])
    effects.wait_for(2)
    broker.join("default", timeout=30_000)
    broker.enqueue(kept[0], delay=20)

    assert effects.wait_for(3) == [5, 5, 5]


def test_a_message_is_handed_on_to_another_broker(
    make_broker: BrokerMaker, start_worker: WorkerStarter, effects: Effects
) -> None:
    # Given a broker that hands on each message that it has processed
    broker, other = make_broker(namespace="one"), make_broker(namespace="other")

    class HandOn(Middleware):
        def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
            other.enqueue(message)

    broker.add_middleware(HandOn())

    @dramatiq.actor(broker=broker)
    def note() -> None:
        effects.add("here")

    @dramatiq.actor(broker=other, actor_name="note")
    def note_there() -> None:
        effects.add("there")

    # When workers of both are at work
    note.send()
    for each in (broker, other):
        start_worker(each)

    # Expect it to run once in either
    effects.wait_for(2)
    for each in (broker, other):
        each.join("default", timeout=30_000)
    assert sorted(effects.all) == ["here", "there"]
