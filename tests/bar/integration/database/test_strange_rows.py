"""Rows of which somebody has written a part by hand, so that nobody can run or even read it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, literal_column, make_url, update
from sqlalchemy.orm import Session

from database.base import utc_now
from database.engine import make_engine
from database.migrations import migrate
from database.standing_orders import StandingOrder, active_standing_orders
from standing_orders.board import as_schedule
from standing_orders.listing import as_json, as_table
from standing_orders.timing import Unrunnable, next_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPOILT = [
    {"at": "'infinity'", "every_seconds": "NULL"},
    {"at": "'-infinity'", "every_seconds": "NULL"},
    {"created_at": "'infinity'"},
    {"handled_until": "'infinity'"},
    {"handled_until": "'infinity'", "cron": "'0 8 * * *'", "every_seconds": "NULL"},
    {"last_ordered_at": "'infinity'"},
    {"last_ordered_at": "'-infinity'"},
    {"every_seconds": "0"},
    {"every_seconds": "-5"},
]


#: PostgreSQL would refuse these.
SPOILT_IN_SQLITE = [
    {"every_seconds": "'90m'"},
    {"every_seconds": "1.5"},
    {"every_seconds": "x'00'"},
]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/bar.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    engine = make_engine(make_url(url))
    migrate(engine)
    yield engine
    engine.dispose()


def test_a_row_that_nobody_can_read_keeps_no_other_one_from_running(engine: Engine) -> None:
    # Given rows with a value each that Python cannot say, or that is no interval, and a good one
    spoilt = SPOILT + (SPOILT_IN_SQLITE if engine.dialect.name == "sqlite" else [])
    with Session(engine) as session, session.begin():
        for number in range(len(spoilt) + 1):
            order_id = f"{number:02}"
            session.add(StandingOrder(id=order_id, drink="beer", every_seconds=60, timezone="UTC"))
        session.flush()
        for number, changes in enumerate(spoilt):
            # As literals: no parameter could hold them.
            values: dict[str, Any] = {
                column: literal_column(value) for column, value in changes.items()
            }
            change = update(StandingOrder).where(StandingOrder.id == f"{number:02}")
            session.execute(change.values(values))

    with Session(engine) as session:
        orders = {order.id: order for order in active_standing_orders(session)}

    # Expect each of them to be shown, and to be run or reported
    now = utc_now()
    for order in orders.values():
        assert as_table([order]).row_count == 1
        assert as_json(order)
        assert as_schedule(order, now)
        for moment in (now, order.handled_until):
            try:
                run = next_run(order, moment)
            except Unrunnable:
                continue
            assert run is None or (run > moment and run.year < dt.MAXYEAR)

    # and the good one to be run
    good = orders[f"{len(spoilt):02}"]
    assert next_run(good, now) is not None
