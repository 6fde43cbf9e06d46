"""What two transactions do to each other on PostgreSQL, at the worst moment."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, make_url
from sqlalchemy.orm import Session

from database.engine import make_engine
from database.migrations import migrate
from database.reports import ReportState, end_report, request_report

if TYPE_CHECKING:
    from collections.abc import Iterator

MONTH = dt.date(2026, 1, 1)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = make_engine(make_url(postgres_url))
    migrate(engine)
    yield engine
    engine.dispose()


def test_a_report_is_made_anew_when_the_active_one_ends_as_it_is_asked_for(engine: Engine) -> None:
    # Given a report that is being made
    with Session(engine) as session, session.begin():
        first, _ = request_report(session, MONTH)
        first_id = first.id

    # When somebody asks for it, and it ends between the attempt to insert and the look for it
    def end_it(*_: Any) -> None:
        with Session(engine) as other, other.begin():
            end_report(other, first_id, ReportState.CANCELLED)

    asking = engine.execution_options()
    event.listen(asking, "after_cursor_execute", end_it, once=True)
    with Session(asking, expire_on_commit=False) as session, session.begin():
        second, is_new = request_report(session, MONTH)
        second_id = second.id

    # Expect a new one
    assert is_new
    assert second_id != first_id
