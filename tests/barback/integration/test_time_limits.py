"""Dramatiq's time limits work without their lock."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq import Middleware
from dramatiq.middleware import TimeLimit, TimeLimitExceeded

from barback.dead_letters import DeadLetters
from barback.monitoring.workers import list_workers
from barback.speedups.time_limits import Deadlines
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker


def test_an_actor_that_runs_too_long_is_interrupted(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given an actor with a time limit that it exceeds
    was_interrupted = threading.Event()

    @dramatiq.actor(broker=broker, time_limit=100, max_retries=0)
    def dawdle() -> None:
        try:
            while True:
                time.sleep(0.01)
        except TimeLimitExceeded:
            was_interrupted.set()
            raise

    broker.emit_after("process_boot")  # starts the thread that looks for exceeded limits
    run_worker()

    # When it is run
    dawdle.send()

    # Expect it to be interrupted, by the middleware whose lock was taken out
    assert was_interrupted.wait(60)
    (time_limit,) = (m for m in broker.middleware if isinstance(m, TimeLimit))
    assert isinstance(time_limit.manager.deadlines, Deadlines)  # type: ignore[union-attr]


def test_deadlines_can_be_read_while_threads_are_added() -> None:
    deadlines = Deadlines({1: None})

    for thread_id, _ in deadlines.items():  # noqa: PERF102 - it is items() that is used
        deadlines[thread_id + 1] = None

    assert set(deadlines) == {1, 2}


class Silent(logging.Handler):
    lock: threading.RLock

    def emit(self, record: logging.LogRecord) -> None:
        pass


def look_often(broker: RedisBroker) -> None:
    """Have the middleware of time limits look for exceeded ones a hundred times a second."""
    (time_limit,) = (m for m in broker.middleware if isinstance(m, TimeLimit))
    time_limit.manager.interval = 0.01  # type: ignore[union-attr]
    broker.emit_after("process_boot")


class LateStrike(Middleware):
    """Interrupts a thread once, when its actor has failed and nothing was done about that yet."""

    def __init__(self) -> None:
        self.is_over = False

    def after_process_message(self, *_: object, exception: object = None, **__: object) -> None:
        if exception and not self.is_over:
            self.is_over = True
            raise TimeLimitExceeded


@pytest.mark.parametrize(("max_retries", "runs", "dead"), [(0, 1, 1), (1, 2, 0)])
def test_an_interrupt_between_a_failure_and_its_retry_loses_no_message_and_no_thread(
    max_retries: int,
    runs: int,
    dead: int,
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
) -> None:
    # Given an actor that fails at the moment in which its time is up
    broker.add_middleware(LateStrike())
    began_in: list[int] = []

    @dramatiq.actor(broker=broker, max_retries=max_retries, min_backoff=10, max_backoff=10)
    def fail_at_first() -> None:
        began_in.append(threading.get_ident())
        if len(began_in) == 1:
            raise RuntimeError("failed")

    worker = run_worker(threads=1)
    (thread,) = worker.workers

    # When it is run
    fail_at_first.send()

    # Expect it to be tried as often as it may, by the same thread, and to end like any other
    eventually(lambda: len(began_in) == runs and broker.do_qsize("default") == 0)
    assert len(list(DeadLetters(broker, "default"))) == dead
    assert worker.workers == [thread]
    assert thread.is_alive()
    assert [info.lost_threads for info in list_workers(broker)] == [0]


def test_a_time_limit_waits_while_its_actor_writes_to_the_log(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given an actor whose time is up while it waits for the lock of a log
    look_often(broker)
    handler, logger = Silent(), logging.getLogger("barback.test.time_limits")
    logger.addHandler(handler)
    is_waiting, was_interrupted = threading.Event(), threading.Event()

    @dramatiq.actor(broker=broker, time_limit=50, max_retries=0, throws=TimeLimitExceeded)
    def write() -> None:
        try:
            is_waiting.set()
            logger.warning("served")
            while True:
                time.sleep(0.001)
        except TimeLimitExceeded:
            was_interrupted.set()
            raise

    # When it gets the lock
    with handler.lock:
        run_worker(threads=1)
        write.send()
        assert is_waiting.wait(60)
        assert not was_interrupted.wait(0.3)

    # Expect it to be interrupted after it has given the lock back
    assert was_interrupted.wait(60)
    assert eventually(lambda: handler.lock.acquire(blocking=False))
    logger.removeHandler(handler)
