"""What is known about queues and workers."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback.monitoring.health import silence_on_this_host
from barback.monitoring.queues import queue_statuses
from barback.monitoring.workers import MAX_SILENCE_SECONDS, list_workers, live_queues
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback import RedisBroker

pytestmark = pytest.mark.everywhere


def test_a_plain_producer_is_no_worker(broker: RedisBroker) -> None:
    message: dramatiq.Message[None] = dramatiq.Message("beer", "pour", (), {}, {})
    broker.enqueue(message)

    assert list_workers(broker) == []
    assert live_queues(broker) == set()
    assert silence_on_this_host(broker, "beer") is None


def test_a_worker_tells_who_it_is_and_what_it_serves(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a worker of two queues
    for queue_name in ("beer", "coffee"):
        broker.declare_queue(queue_name)
    run_worker(threads=3)

    # Expect it to be listed, on this machine and in this process
    workers = eventually(lambda: [w for w in list_workers(broker) if w.host])
    (worker,) = workers
    assert (worker.host, worker.pid, worker.threads) == (socket.gethostname(), os.getpid(), 3)
    assert eventually(lambda: live_queues(broker) == {"beer", "coffee"})
    silence_seconds = silence_on_this_host(broker, "beer")
    assert silence_seconds is not None
    assert silence_seconds < MAX_SILENCE_SECONDS


def test_a_worker_that_stopped_is_forgotten(broker: RedisBroker) -> None:
    broker.declare_queue("beer")
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    eventually(lambda: live_queues(broker) == {"beer"})

    worker.stop()

    assert list_workers(broker) == []


def test_each_queue_says_what_waits_runs_and_died(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a worker whose one thread is busy, with one message behind it
    is_busy, may_finish = threading.Event(), threading.Event()

    @dramatiq.actor(broker=broker, queue_name="beer")
    def pour() -> None:
        is_busy.set()
        may_finish.wait(60)

    run_worker(threads=1)
    broker.enqueue_many([pour.message() for _ in range(5)])
    pour.send_with_options(delay=60_000)
    assert is_busy.wait(60)

    # Expect two to be in its hands (it takes twice as many as it has threads) and three to wait
    def is_as_expected() -> bool:
        (status,) = queue_statuses(broker)
        counts = (status.ready, status.running, status.delayed, status.dead, status.workers)
        return counts == (3, 2, 1, 0, 1)

    try:
        eventually(is_as_expected, complaint=lambda: str(queue_statuses(broker)))
        (status,) = queue_statuses(broker)
        assert status.oldest_seconds is not None
    finally:
        may_finish.set()
