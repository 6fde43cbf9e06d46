"""Runs of standing orders that nobody was there to order."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING, cast

from sqlalchemy import Engine, event

from database.base import utc_now
from database.engine import reading, writing
from database.standing_orders import StandingOrder, all_standing_orders
from standing_orders.placing import TOLD_AT_MOST, Placing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from dramatiq.brokers.stub import StubBroker

    from barback import RedisBroker

HOUR = dt.timedelta(hours=1)


@contextlib.contextmanager
def counting_updates() -> Iterator[list[str]]:
    """The updates that the database is asked for."""
    updates: list[str] = []

    def count(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("UPDATE"):
            updates.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    yield updates
    event.remove(Engine, "before_cursor_execute", count)


def test_after_a_weekend_the_log_does_not_tell_of_each_of_many_standing_orders(
    stub_broker: StubBroker, caplog: pytest.LogCaptureFixture
) -> None:
    # Given many orders that nobody has looked after for two days, one of them with a bad row
    now = utc_now()
    then = {"created_at": now - 48 * HOUR, "handled_until": now - 48 * HOUR}
    with writing() as session:
        session.add_all(
            StandingOrder(drink="coffee", every_seconds=seconds, timezone="UTC", **then)
            for seconds in [0, *[600] * 100]
        )
    with reading() as session:
        orders = all_standing_orders(session)
    # When a scheduler begins
    placing = Placing(cast("RedisBroker", stub_broker), {})
    with counting_updates() as updates:
        placing.leave_out_missed(orders, oldest=now - HOUR)
    # Expect all that are good to be seen to, at once, and some lines in the log
    assert len(updates) == 1
    with reading() as session:
        seen_to = [order.handled_until == now - HOUR for order in all_standing_orders(session)]
    assert sum(seen_to) == 100
    assert len(caplog.messages) == TOLD_AT_MOST + 1
    assert caplog.messages[-1] == "90 more standing orders missed runs."
