"""A broker of ours on the test session's Valkey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback import RedisBroker
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    """Not the global broker: actors of a test name it."""
    broker = RedisBroker(url=redis_url)
    yield broker
    broker.close()


@pytest.fixture
def run_worker(broker: RedisBroker) -> Iterator[Callable[..., dramatiq.Worker]]:
    """Start a worker of the broker's queues in this process; it is stopped after the test."""
    workers: list[dramatiq.Worker] = []

    def run_worker(threads: int = 2) -> dramatiq.Worker:
        worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=100)
        worker.start()
        workers.append(worker)
        return worker

    yield run_worker
    for worker in workers:
        worker.stop(timeout=10_000)


@pytest.fixture
def recover(broker: RedisBroker) -> Callable[[], int]:
    """Recover what the broker's own consumers hold, as if they were dead; tells how many messages
    went back.
    """

    def recover() -> int | None:
        heartbeat = broker.client.zscore(broker.store.keys("default").heartbeats, broker.broker_id)
        calls = broker.store.worker_calls("default", broker.broker_id)
        return calls.recover(str(heartbeat).encode())

    def recover_until_no_heartbeat_comes_between() -> int:
        found = eventually(lambda: [back for back in [recover()] if back is not None])
        return found[0]

    return recover_until_no_heartbeat_comes_between
