"""What work leaves behind in the database."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING, cast
from uuid import uuid4

import dramatiq
import pytest
import redis
from dramatiq.brokers.stub import StubBroker
from sqlalchemy import insert, make_url, select, text

from actors import housekeeping, make_report, serve_a_beer
from actors.failures import RecordFailures
from actors.housekeeping import sweep_the_outbox
from actors.lost_work import give_up_lost_work
from actors.outages import MAX_OUTAGES, DatabaseAway, OutlastOutages, RedisAway
from database import engine as database_engine
from database.engine import make_engine, reading, writing
from database.orders import Order, OrderState, add_order, mark_queued
from database.outbox import outbox
from database.reports import Report, ReportState, request_report
from database.sales import Sale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from barback.store.store import HasStore


@pytest.fixture
def order_id() -> str:
    order_id = uuid4().hex
    with writing() as session:
        add_order(session, order_id, drink="beer", visitor="ada")
    return order_id


def test_serving_an_order_twice_sells_it_once(order_id: str) -> None:
    # When an order is served twice
    for _ in range(2):
        serve_a_beer(order_id)

    # Expect one sale, and its state on the website
    with reading() as session:
        assert len(session.scalars(select(Sale).where(Sale.order_id == order_id)).all()) == 1
        order = session.get_one(Order, order_id)
        assert order.state is OrderState.SERVED
        assert order.served_by


def test_an_order_without_a_message_waits_for_an_hour_and_not_for_ever(
    stub_broker: StubBroker,
) -> None:
    # Given orders that the broker said were sent before, as after the database was put back
    with writing() as session:
        for minutes in (50, 70):
            order = add_order(session, f"of {minutes} minutes ago", drink="beer", visitor="ada")
            order.placed_at -= dt.timedelta(minutes=minutes)
            mark_queued(session, order.id, message=None)

    # When the house looks for what is lost
    assert give_up_lost_work(cast("HasStore", stub_broker)) == 1

    # Expect the older one to be given up
    with reading() as session:
        states = {order.id: order.state for order in session.scalars(select(Order))}
    assert states == {
        "of 50 minutes ago": OrderState.QUEUED,
        "of 70 minutes ago": OrderState.FAILED,
    }


@pytest.mark.parametrize("keyword", [False, True])
def test_an_order_that_was_given_up_is_shown_as_failed(
    stub_broker: StubBroker, order_id: str, *, keyword: bool
) -> None:
    # Given an order whose message became a dead letter
    message = serve_a_beer.message(order_id=order_id) if keyword else serve_a_beer.message(order_id)
    RecordFailures().after_nack(stub_broker, dramatiq.MessageProxy(message))

    # Expect the website to know
    with reading() as session:
        assert session.get_one(Order, order_id).state is OrderState.FAILED


def test_a_message_with_other_arguments_that_was_given_up_concerns_no_order(
    stub_broker: StubBroker,
) -> None:
    message = serve_a_beer.message("1", 2)  # type: ignore[call-arg]
    RecordFailures().after_nack(stub_broker, dramatiq.MessageProxy(message))


def test_a_report_that_was_given_up_is_shown_as_failed(stub_broker: StubBroker) -> None:
    with writing() as session:
        report, _ = request_report(session, dt.date(2020, 1, 1))
    message = make_report.message(str(report.id))
    RecordFailures().after_nack(stub_broker, dramatiq.MessageProxy(message))
    with reading() as session:
        assert session.get_one(Report, report.id).state is ReportState.FAILED


@contextlib.contextmanager
def _database_away() -> Iterator[None]:
    def rename(old: str, new: str) -> None:
        with writing() as session:
            session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    rename("orders", "away")
    yield
    rename("away", "orders")


def test_an_order_given_up_while_the_database_is_away_is_shown_as_failed_later(
    stub_broker: StubBroker, order_id: str, request: pytest.FixtureRequest
) -> None:
    # Given an order whose message became a dead letter while nothing could be written down
    with _database_away():
        message = dramatiq.MessageProxy(serve_a_beer.message(order_id))
        RecordFailures().after_nack(stub_broker, message)

    # When it can
    request.getfixturevalue("stub_worker")
    stub_broker.join("housekeeping")

    # Expect the website to know
    with reading() as session:
        assert session.get_one(Order, order_id).state is OrderState.FAILED


def test_a_database_that_is_away_costs_a_message_no_retries() -> None:
    # Given a message that has no retries left, and a database that is away for longer than an hour
    broker = StubBroker()
    broker.add_middleware(OutlastOutages())

    @dramatiq.actor(broker=broker, max_retries=3)
    def work() -> None: ...

    message = dramatiq.MessageProxy(work.message().copy(options={"retries": 3}))
    for _ in range(MAX_OUTAGES):
        broker.emit_after("process_message", message, exception=DatabaseAway("?", delay=0))
        assert not message.failed
    assert message.options["retries"] == 3

    # Expect it to be given up in the end
    broker.emit_after("process_message", message, exception=DatabaseAway("?", delay=0))
    assert message.failed


def test_work_says_in_a_line_that_the_database_is_away(order_id: str) -> None:
    broker = StubBroker()
    broker.add_middleware(OutlastOutages())

    @dramatiq.actor(broker=broker)
    def work() -> None:
        serve_a_beer.fn(order_id)

    with _database_away(), pytest.raises(DatabaseAway, match="cannot be used: no such table"):
        work()


def test_work_that_asks_redis_says_in_a_line_that_it_is_away(tmp_path: Path) -> None:
    broker = StubBroker()
    broker.add_middleware(OutlastOutages())
    client = redis.Redis.from_url(f"unix://{tmp_path}/nowhere.sock")

    @dramatiq.actor(broker=broker)
    def work() -> None:
        client.ping()

    with pytest.raises(RedisAway, match=r"Redis cannot be used: .*No such file"):
        work()


@pytest.mark.usefixtures("stub_worker")
def test_sweeping_leaves_no_dead_letter_for_each_minute_of_an_outage(
    stub_broker: StubBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given some minutes without an outbox
    without_tables = make_engine(make_url("sqlite://"))
    monkeypatch.setattr(housekeeping, "engine", lambda: without_tables)
    for _ in range(3):
        sweep_the_outbox.send()
    stub_broker.join("housekeeping")

    # Expect a line about it, and nothing that is left for an operator
    assert stub_broker.dead_letters == []
    assert caplog.text.count("Interrupted: sweeping the outbox") == 1

    # Expect to hear of its end
    monkeypatch.setattr(housekeeping, "engine", database_engine.engine)
    sweep_the_outbox.send()
    stub_broker.join("housekeeping")
    assert caplog.text.count("Resumed: sweeping the outbox") == 1
    without_tables.dispose()


@pytest.mark.usefixtures("stub_worker")
def test_sweeping_tells_once_of_a_message_that_cannot_be_sent(
    stub_broker: StubBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a row that nobody can read, in a process that has told of none
    housekeeping._outbox_to.cache_clear()
    monkeypatch.setattr(housekeeping, "engine", database_engine.engine)
    with writing() as session:
        session.execute(insert(outbox).values(message=b"not a message"))

    # When some minutes pass
    for _ in range(3):
        sweep_the_outbox.send()
        stub_broker.join("housekeeping")

    # Expect one traceback
    assert caplog.text.count("of the outbox cannot be sent") == 1


def test_a_report_is_made_to_its_end_by_one_message() -> None:
    with writing() as session:
        report, _ = request_report(session, dt.date(2020, 2, 1))
    make_report(str(report.id))
    with reading() as session:
        found = session.get_one(Report, report.id)
        assert (found.state, found.days_done) == (ReportState.DONE, 29)
