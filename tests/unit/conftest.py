"""Unit tests: actors on a StubBroker, run by a real Worker, no server and no other process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import StaticPool, make_url

from database import models
from database.engine import make_engine, writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session


@pytest.fixture(autouse=True)
def _books_in_memory() -> Iterator[None]:
    """Give every unit test books of its own, in memory."""
    engine = make_engine(
        make_url("sqlite://"), poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    models.Base.metadata.create_all(engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("database.engine.engine", lambda: engine)
        yield
    engine.dispose()


@pytest.fixture
def session() -> Iterator[Session]:
    """A transaction on the books, rolled back at the end of the test."""
    with writing() as session:
        yield session
        session.rollback()


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
