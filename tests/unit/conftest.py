"""Unit tests: actors on a StubBroker, run by a real Worker, no server and no other process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stub_broker() -> Iterator[StubBroker]:
    """The broker that the actors are declared on, with empty queues."""
    broker = dramatiq.get_broker()
    assert isinstance(broker, StubBroker)
    broker.flush_all()
    yield broker
    broker.flush_all()


@pytest.fixture
def stub_worker(stub_broker: StubBroker) -> Iterator[dramatiq.Worker]:
    """A worker of all queues, in threads of this process."""
    worker = dramatiq.Worker(stub_broker, worker_timeout=100, worker_threads=2)
    worker.start()
    yield worker
    worker.stop()
