"""Workers whose database is away for a while."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from database.engine import make_engine
from database.migrations import migrate
from database.orders import Order, OrderState, add_order
from database.reports import Report, ReportState, request_report
from tests.support.polling import eventually

if TYPE_CHECKING:
    from tests.support.processes import ProcessStarter


@pytest.mark.slow
def test_work_waits_for_a_database_that_is_away(
    start: ProcessStarter, postgres_url: str, postgres_server: str
) -> None:
    # Given an order and a report, and a database that takes no connections
    engine = make_engine(make_url(postgres_url))
    migrate(engine)
    with Session(engine) as session, session.begin():
        add_order(session, "order", drink="beer", visitor=None)
        report_id = request_report(session, dt.date(2026, 1, 1))[0].id
    engine.dispose()
    name = Identifier(str(engine.url.database))
    with psycopg.connect(postgres_server, autocommit=True) as operator:
        operator.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))

        # When workers get to them
        workers = start(
            [sys.executable, "-m", "dramatiq", "actors", "-Q", "beer", "reports", "-p", "1"],
            DATABASE_URL=postgres_url,
        )
        send = "from actors import *; serve_a_beer.send('order'); make_report.send({!r})"
        start.run([sys.executable, "-c", send.format(str(report_id))])
        for actor in ("serve_a_beer", "make_report"):
            workers.wait_for_output(f"Interrupted: work of {actor}. Reason: the database cannot")

        # Expect a few lines in the log
        assert "Traceback" not in workers.output
        operator.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))

    # Expect all of it to be done when the database is back
    def states() -> tuple[OrderState, ReportState]:
        with Session(engine) as session:
            return session.get_one(Order, "order").state, session.get_one(Report, report_id).state

    eventually(lambda: states() == (OrderState.SERVED, ReportState.DONE), timeout_seconds=60)
    workers.wait_for_output("Resumed: work of serve_a_beer, after")
    engine.dispose()
