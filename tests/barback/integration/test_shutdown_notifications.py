"""Actors that want to know of the end of their worker hear of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.middleware import Shutdown, ShutdownNotifications

from tests.support.polling import eventually

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    import pytest

    from barback import RedisBroker

COUNT = 4


def test_each_of_many_actors_is_interrupted_when_its_worker_stops(
    broker: RedisBroker,
    run_worker: Callable[..., dramatiq.Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given actors in progress, and a log that is slow: one ends while the next is to be told
    (notifications,) = (m for m in broker.middleware if isinstance(m, ShutdownNotifications))
    logger: logging.Logger = notifications.manager.logger  # type: ignore[attr-defined]

    def write_slowly(*_: Any) -> None:
        time.sleep(0.1)

    monkeypatch.setattr(logger, "info", write_slowly)
    begun, interrupted, gives_up = threading.Semaphore(0), [], threading.Event()

    @dramatiq.actor(broker=broker, notify_shutdown=True, max_retries=0, throws=Shutdown)
    def wait() -> None:
        begun.release()
        try:
            while not gives_up.wait(0.005):
                pass
        except Shutdown:
            interrupted.append(threading.get_ident())
            raise

    worker = run_worker(threads=COUNT)
    for _ in range(COUNT):
        wait.send()
    assert all(begun.acquire(timeout=60) for _ in range(COUNT))

    # When the worker is told to stop
    stopping = threading.Thread(target=worker.stop)
    stopping.start()

    # Expect each of them to be interrupted
    try:
        eventually(lambda: len(set(interrupted)) == COUNT)
    finally:
        gives_up.set()
        stopping.join(10)
