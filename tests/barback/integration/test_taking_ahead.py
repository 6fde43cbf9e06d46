"""What a worker takes ahead of its threads, and leaves to others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback import send_many
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

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
