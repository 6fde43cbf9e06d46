"""What two transactions do to each other on PostgreSQL, at the worst moment."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, event, make_url, text
from sqlalchemy.orm import Session

from database.engine import make_engine
from database.links import MAX_EMAILS_PER_HOUR, Purpose, add_link, use_link
from database.migrations import migrate
from database.reports import ReportState, end_report, request_report
from tests.support.polling import eventually

if TYPE_CHECKING:
    import uuid
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


def test_of_two_who_use_two_links_of_an_address_at_once_one_succeeds(engine: Engine) -> None:
    # Given two links that were sent to an address
    with Session(engine) as session, session.begin():
        first, second = (add_link(session, Purpose.RESET, "ada@example.org") for _ in range(2))
    assert first
    assert second
    used = []

    def use(the_engine: Engine, link_id: uuid.UUID) -> None:
        with Session(the_engine) as session, session.begin():
            used.append(use_link(session, link_id, Purpose.RESET))

    # When the second one is used while the first one is
    other = threading.Thread(target=use, args=(engine, second))

    def use_the_other(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE") and other.ident is None:
            other.start()
            eventually(lambda: _somebody_waits(engine, "transactionid"))

    one = engine.execution_options()
    event.listen(one, "after_cursor_execute", use_the_other)
    use(one, first)
    other.join()

    # Expect no deadlock: one has used both links up
    assert sorted(link is None for link in used) == [False, True]


def test_of_two_who_ask_for_the_last_email_of_an_hour_at_once_one_gets_it(engine: Engine) -> None:
    # Given a transaction that takes the last e-mail that an address may get
    got = []

    def ask() -> None:
        with Session(engine) as session, session.begin():
            got.append(add_link(session, Purpose.RESET, "Ada@example.org"))

    other = threading.Thread(target=ask)
    with Session(engine) as session, session.begin():
        for _ in range(MAX_EMAILS_PER_HOUR):
            assert add_link(session, Purpose.RESET, "ada@example.org")

        # When another one asks before it is committed
        other.start()
        eventually(lambda: got or _somebody_waits(engine, "advisory"))
    other.join()

    # Expect it to hear that there were enough
    assert got == [None]


def _somebody_waits(engine: Engine, locktype: str) -> bool:
    query = text("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = :locktype")
    with engine.connect() as connection:
        return connection.scalar(query, {"locktype": locktype}) is not None
