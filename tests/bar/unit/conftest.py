"""Unit tests: actors on a StubBroker, run by a real Worker, no server and no other process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import StaticPool, make_url

from database import models
from database.engine import make_engine, writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session


@pytest.fixture(autouse=True)
def _database_in_memory() -> Iterator[None]:
    """Give every unit test a database of its own, in memory."""
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
    """A transaction on the database, rolled back at the end of the test."""
    with writing() as session:
        yield session
        session.rollback()
