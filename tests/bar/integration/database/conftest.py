from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from database.engine import make_engine
from database.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def session(postgres_url: str) -> Iterator[Session]:
    """A transaction on PostgreSQL, rolled back at the end of the test."""
    engine = make_engine(make_url(postgres_url))
    migrate(engine)
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.rollback()
    engine.dispose()
