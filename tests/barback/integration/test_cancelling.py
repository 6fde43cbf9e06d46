"""Cancelling messages, wherever they are."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import (
    Cancelled,
    Control,
    cancel,
    cancel_all,
    cancelled,
    cancelling,
    check_cancelled,
    find,
    progress,
    run_now,
)
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere

#: How long a test waits for a cancellation that does not come, in seconds.
PATIENCE_SECONDS = 60


@pytest.fixture
def controlled(broker: RedisBroker) -> RedisBroker:
    broker.add_middleware(Control())
    return broker


def id_of(message: dramatiq.Message[Any]) -> str:
    return str(message.options["redis_message_id"])


def becomes(broker: RedisBroker, message: dramatiq.Message[Any], state: str) -> None:
    eventually(
        lambda: find(broker, id_of(message)).state == state,
        complaint=lambda: f"{find(broker, id_of(message))}",
    )


def nothing_is_left(broker: RedisBroker) -> None:
    """Nothing but what is remembered, and what every worker leaves."""
    eventually(lambda: broker.do_qsize("default") == 0)
    keys: Any = broker.client.keys("dramatiq:*default*")
    left = {key.decode() for key in keys if b":bell:" not in key}  # these go away by themselves
    kinds = {key.rpartition(":")[2] for key in left}
    of_workers = {"waiting", "consumers", "heartbeats", "running", "delay-changed"}
    assert kinds <= {"ended", "ended-details", *of_workers}


@pytest.mark.parametrize("priority", [0, 7])
def test_a_waiting_message_is_gone_at_once(
    priority: int, controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given two messages that wait
    ran: list[str] = []
    note = dramatiq.actor(broker=controlled, actor_name="note", priority=priority)(ran.append)
    unwanted, wanted = note.send("unwanted"), note.send("wanted")

    # When one is cancelled, by either id
    answer = cancel(controlled, unwanted.message_id, reason="the guest has left")

    # Expect it to be gone, and to be remembered
    assert answer == "cancelled"
    assert controlled.queue_length("default") == 1
    status = find(controlled, id_of(unwanted))
    assert (status.state, status.reason) == ("cancelled", "the guest has left")
    assert find(controlled, unwanted.message_id).state == "cancelled"
    assert cancel(controlled, id_of(unwanted)) is None
    # … and the other one to run
    run_worker()
    becomes(controlled, wanted, "unknown")
    assert ran == ["wanted"]
    nothing_is_left(controlled)


def test_a_delayed_message_is_gone_at_once(controlled: RedisBroker) -> None:
    note = dramatiq.actor(broker=controlled, actor_name="note")(lambda: None)
    message = note.send_with_options(delay=60_000)

    assert cancel(controlled, id_of(message)) == "cancelled"

    assert find(controlled, id_of(message)).state == "cancelled"
    nothing_is_left(controlled)


def test_a_message_between_its_retries_is_gone_at_once(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    @dramatiq.actor(broker=controlled, min_backoff=60_000)
    def fail() -> None:
        raise RuntimeError

    message = fail.send()
    run_worker()
    eventually(lambda: find(controlled, message.message_id).state == "retrying")

    assert cancel(controlled, message.message_id) == "cancelled"

    assert find(controlled, message.message_id).state == "cancelled"
    nothing_is_left(controlled)


@pytest.mark.parametrize("look", [check_cancelled, lambda: progress(1, 2)])
def test_a_running_message_stops_where_its_actor_looks(
    look: Callable[[], None],
    controlled: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given an actor that looks, and swallows every exception
    endings: list[str] = []

    @dramatiq.actor(broker=controlled)
    def work() -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while time.monotonic() < deadline:
                try:
                    look()
                except Exception:  # noqa: BLE001 - what is tested
                    endings.append("swallowed")
                time.sleep(0.01)
            endings.append("ended")
        except Cancelled:
            endings.append("cancelled")
            raise

    message = work.send()
    run_worker()
    becomes(controlled, message, "running")

    # When its message is cancelled
    assert cancel(controlled, id_of(message)) == "asked"

    # Expect it to stop, neither to be tried again nor to be a dead letter
    becomes(controlled, message, "cancelled")
    assert endings == ["cancelled"]
    nothing_is_left(controlled)


def test_an_actor_may_tidy_up_and_return(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    tidied = threading.Event()

    @dramatiq.actor(broker=controlled)
    def work() -> None:
        eventually(cancelled)
        tidied.set()

    message = work.send()
    run_worker()
    becomes(controlled, message, "running")
    cancel(controlled, id_of(message))

    assert tidied.wait(PATIENCE_SECONDS)
    becomes(controlled, message, "cancelled")


@pytest.mark.parametrize("remember_seconds", [None, 60])
def test_an_actor_that_ignores_it_says_so(
    remember_seconds: float | None,
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given an actor that never looks
    controlled = broker
    controlled.add_middleware(Control(remember_seconds=remember_seconds))
    go_on = threading.Event()
    dramatiq.actor(broker=controlled, actor_name="work")(lambda: go_on.wait(60) and None)
    message = controlled.get_actor("work").send()
    run_worker()
    becomes(controlled, message, "running")

    # When its message is cancelled
    cancel(controlled, id_of(message))

    # Expect to see for how long it has ignored that, and that it has ended all the same
    eventually(lambda: find(controlled, id_of(message)).cancelled_at)
    assert find(controlled, id_of(message)).state == "running"
    go_on.set()
    becomes(controlled, message, "cancelled")
    eventually(lambda: find(controlled, id_of(message)).was_ignored)
    nothing_is_left(controlled)
    # … also when what has ended since is remembered
    other = controlled.get_actor("work").send()
    becomes(controlled, other, "done" if remember_seconds else "unknown")
    status = find(controlled, id_of(message))
    assert (status.state, status.was_ignored) == ("cancelled", True)


def test_a_failure_after_it_was_cancelled_is_not_retried(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    go_on = threading.Event()
    runs: list[str] = []

    @dramatiq.actor(broker=controlled, min_backoff=1, max_backoff=1)
    def fail() -> None:
        runs.append("run")
        go_on.wait(PATIENCE_SECONDS)
        raise RuntimeError

    message = fail.send()
    run_worker()
    becomes(controlled, message, "running")
    cancel(controlled, id_of(message))
    go_on.set()

    becomes(controlled, message, "cancelled")
    nothing_is_left(controlled)
    assert runs == ["run"]


@pytest.mark.parametrize(("ends", "heard"), [("well", "well"), ("badly", "ValueError")])
def test_callbacks_hear_of_the_end_of_an_actor_that_ignores_it(
    ends: str,
    heard: str,
    controlled: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given an actor with callbacks that goes on to its end when it is cancelled
    told = list[str]()

    @dramatiq.actor(broker=controlled)
    def on_success(_: Any, result: str) -> None:
        told.append(result)

    @dramatiq.actor(broker=controlled)
    def on_failure(_: Any, error: dict[str, str]) -> None:
        told.append(error["type"])

    @dramatiq.actor(
        broker=controlled, max_retries=0, on_success="on_success", on_failure="on_failure"
    )
    def stubborn() -> str:
        eventually(cancelled, timeout_seconds=PATIENCE_SECONDS)
        if ends == "badly":
            raise ValueError
        return ends

    run_worker()
    message = stubborn.send()
    becomes(controlled, message, "running")

    # When it is cancelled
    cancel(controlled, message.message_id)

    # Expect the callback to hear how it ended, and no fault
    eventually(lambda: told == [heard])
    assert "Unexpected failure" not in caplog.text


def test_an_actor_that_wants_it_is_interrupted(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given an actor that never looks, and may be interrupted
    @dramatiq.actor(broker=controlled, on_cancel="interrupt")
    def work() -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.01)

    message = work.send()
    run_worker(threads=1)
    becomes(controlled, message, "running")

    # When its message is cancelled
    cancel(controlled, id_of(message))

    # Expect it to stop, and its thread to go on with others
    becomes(controlled, message, "cancelled")
    assert not find(controlled, id_of(message)).was_ignored
    ran = threading.Event()
    dramatiq.actor(broker=controlled, actor_name="note")(lambda: ran.set()).send()  # noqa: PLW0108
    assert ran.wait(PATIENCE_SECONDS)
    nothing_is_left(controlled)


def test_what_was_taken_ahead_is_not_started(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a busy worker that has taken a message ahead
    go_on = threading.Event()
    ran: list[str] = []

    @dramatiq.actor(broker=controlled)
    def work(name: str) -> None:
        ran.append(name)
        go_on.wait(PATIENCE_SECONDS)

    first, second = work.send("first"), work.send("second")
    run_worker(threads=1)
    becomes(controlled, first, "running")
    becomes(controlled, second, "taken")

    # When that one is cancelled, and the worker has heard of it
    assert cancel(controlled, id_of(second)) == "asked"
    [worker] = controlled._workers._states.values()
    eventually(lambda: id_of(second) in worker.running.unstarted_cancelled)
    go_on.set()

    # Expect it never to run
    becomes(controlled, second, "cancelled")
    becomes(controlled, first, "unknown")
    assert ran == ["first"]
    nothing_is_left(controlled)


def test_all_of_an_actor_or_of_a_queue_are_cancelled(
    controlled: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given messages of two actors, one of which runs
    ran: list[str] = []

    @dramatiq.actor(broker=controlled)
    def work() -> None:
        eventually(cancelled, timeout_seconds=PATIENCE_SECONDS)

    note = dramatiq.actor(broker=controlled, actor_name="note")(ran.append)
    running = work.send()
    run_worker(threads=1)
    becomes(controlled, running, "running")
    for number in range(150):
        note.send_with_options(args=(f"{number}",), delay=60_000 if number % 2 else None)
    work.send_with_options(delay=60_000)

    # When first those of one actor and then all are cancelled
    notes = cancel_all(controlled, "default", actor_name="note")
    rest = cancel_all(controlled, "default")

    # Expect all to be gone but the running one, which is asked
    assert notes.cancelled + notes.asked == 150
    assert (rest.cancelled, rest.asked) == (1, 1)
    becomes(controlled, running, "cancelled")
    assert ran == []
    nothing_is_left(controlled)


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Have something happen between finding out where a message is and cancelling it."""
    cancel_in_redis, events = cancelling._cancel, [happens]

    def cancel_later(*args: Any) -> list[int]:
        while events:
            events.pop()()
        return cancel_in_redis(*args)

    monkeypatch.setattr(cancelling, "_cancel", cancel_later)


def test_a_message_that_fails_while_it_is_being_cancelled_is_not_retried(
    controlled: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @dramatiq.actor(broker=controlled, min_backoff=60_000)
    def fail() -> None:
        raise RuntimeError

    message = fail.send()

    def it_fails() -> None:
        run_worker()
        becomes(controlled, message, "retrying")

    meanwhile(monkeypatch, it_fails)
    assert cancel(controlled, message.message_id) == "cancelled"
    nothing_is_left(controlled)


@pytest.mark.parametrize("event", ["comes due", "fails"])
def test_all_are_cancelled_although_one_moves_meanwhile(
    *,
    controlled: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    monkeypatch: pytest.MonkeyPatch,
    event: str,
) -> None:
    # Given a message that waits, and a delayed one
    @dramatiq.actor(broker=controlled, min_backoff=60_000)
    def fail() -> None:
        raise RuntimeError

    waiting, delayed = fail.send(), fail.send_with_options(delay=600_000)

    def it_fails() -> None:
        run_worker()
        becomes(controlled, waiting, "retrying")

    # When one of them is somewhere else when all are cancelled
    monkeypatch.setattr(cancelling, "BATCH_SIZE", 1)
    comes_due = partial(run_now, controlled, id_of(delayed))
    meanwhile(monkeypatch, comes_due if event == "comes due" else it_fails)
    done = cancel_all(controlled, "default")

    # Expect both to be gone
    assert (done.cancelled, done.asked) == (2, 0)
    nothing_is_left(controlled)


def test_what_a_dead_worker_ran_is_not_run_again(
    controlled: RedisBroker, recover: Callable[[], int]
) -> None:
    # Given a message that a worker holds, and that is cancelled
    note = dramatiq.actor(broker=controlled, actor_name="note")(lambda: None)
    message = note.send()
    consumer = controlled.consume("default")
    eventually(lambda: next(consumer))
    assert cancel(controlled, id_of(message)) == "asked"

    # When that worker is found to be dead
    back = recover()

    # Expect its message not to be back in the queue
    assert back == 0
    assert controlled.queue_length("default") == 0
    assert find(controlled, id_of(message)).state == "cancelled"
    consumer.close()
