"""Dramatiq's time limits work without their lock."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import dramatiq
from dramatiq.middleware import TimeLimit, TimeLimitExceeded

from barback.speedups.time_limits import Deadlines

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
    assert was_interrupted.wait(10)
    (time_limit,) = (m for m in broker.middleware if isinstance(m, TimeLimit))
    assert isinstance(time_limit.manager.deadlines, Deadlines)  # type: ignore[union-attr]


def test_deadlines_can_be_read_while_threads_are_added() -> None:
    deadlines = Deadlines({1: None})

    for thread_id, _ in deadlines.items():  # noqa: PERF102 - it is items() that is used
        deadlines[thread_id + 1] = None

    assert set(deadlines) == {1, 2}
