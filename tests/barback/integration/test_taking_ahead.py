"""What a worker takes ahead of its threads, and leaves to others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import dramatiq
import pytest
import redis

from barback import send_many
from barback.store.worker_calls import WorkerCalls
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from barback import RedisBroker

QUICK = 3_000
SLOW = 200


@pytest.mark.parametrize("is_idle_before", [False, True])
def test_slow_work_after_quick_work_is_left_to_others(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker], *, is_idle_before: bool
) -> None:
    # Given a worker that takes many messages ahead, since they are done in no time
    may_end, quick_is_done = threading.Event(), threading.Event()

    @dramatiq.actor(broker=broker)
    def quick(number: int) -> None:
        if number == QUICK - 1:
            quick_is_done.set()

    @dramatiq.actor(broker=broker)
    def slow() -> None:
        may_end.wait(60)

    send_many(quick, [(number,) for number in range(QUICK)])
    if not is_idle_before:
        send_many(slow, [()] * SLOW)
    run_worker(threads=2)
    assert quick_is_done.wait(60)

    # When slow ones follow
    if is_idle_before:
        broker.join("default", timeout=60_000)
        send_many(slow, [()] * SLOW)

    # Expect it to take of them what Dramatiq asks for, twice as many as it has threads
    try:
        eventually(lambda: broker.queue_length("default") == SLOW - 4)
    finally:
        may_end.set()
    broker.join("default", timeout=60_000)


def test_what_was_given_back_is_not_done_here_too_when_the_answer_is_lost(
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given slow work after quick work, and a server that goes before it has answered
    give_back, is_lost = WorkerCalls.requeue, threading.Event()

    def lose_first_answer(calls: WorkerCalls, redis_ids: Sequence[str]) -> None:
        give_back(calls, redis_ids)
        if not is_lost.is_set():
            is_lost.set()
            raise redis.TimeoutError("Timeout reading from socket")

    monkeypatch.setattr(WorkerCalls, "requeue", lose_first_answer)
    runs: list[int] = []

    @dramatiq.actor(broker=broker)
    def quick() -> None: ...

    @dramatiq.actor(broker=broker)
    def slow(number: int) -> None:
        runs.append(number)
        is_lost.wait(60)

    send_many(quick, [()] * QUICK)
    send_many(slow, [(number,) for number in range(SLOW)])

    # When a worker takes too much of it ahead, expect it to do each once
    run_worker(threads=2)
    assert is_lost.wait(60)
    broker.join("default", timeout=60_000)
    assert sorted(runs) == list(range(SLOW))
