"""Pausing a queue whose worker has taken messages ahead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from barback.control import Control, Limit, pause, resume
from barback.monitoring.queues import queue_statuses
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

NAMES = [f"{number:02}" for number in range(12)]


@pytest.mark.parametrize("limit", [None, Limit("tap", at_once=2)], ids=["plain", "limited"])
def test_what_was_taken_ahead_is_not_started_and_keeps_its_place(
    limit: Limit | None, broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a worker of two threads that is busy, and has taken more ahead
    broker.add_middleware(Control())
    started: list[str] = []
    may_end = threading.Semaphore(0)

    def work(name: str) -> None:
        started.append(name)
        may_end.acquire(timeout=60)

    actor = dramatiq.actor(broker=broker, actor_name="work", limit=limit)(work)
    for name in NAMES:
        actor.send(name)
    run_worker(threads=2)
    eventually(lambda: len(started) == 2)

    # When its queue is paused, and what runs ends when the worker has heard of that
    pause(broker, "default")
    eventually(lambda: queue_statuses(broker)[0].running == 2)
    may_end.release(100)
    eventually(lambda: broker.client.hlen("dramatiq:default.msgs") == len(NAMES) - 2)

    # Expect nothing else to start, and all of it to be back in the queue
    eventually(lambda: queue_statuses(broker)[0].running == 0)
    assert len(started) == 2
    client: Any = broker.client
    ids = client.lrange("dramatiq:default", 0, -1)
    waiting = map(dramatiq.Message.decode, client.hmget("dramatiq:default.msgs", ids))
    assert [message.args[0] for message in waiting] == NAMES[2:]

    # … and everything to run when it is resumed
    resume(broker, "default")
    eventually(lambda: len(started) == len(NAMES), complaint=lambda: f"{started}")
    assert sorted(started[:2]) == NAMES[:2]
    assert sorted(started) == NAMES
