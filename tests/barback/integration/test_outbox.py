"""The outbox on real databases and a real Valkey."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from sqlalchemy import Engine, MetaData, event, func, make_url, select
from sqlalchemy.dialects import oracle
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from barback import RedisBroker
from barback.control import Control, Unique
from barback.errors import BrokerUnavailable
from barback.outbox import Outbox, OutboxRelay, outbox_table
from database import sqlite
from database.engine import make_engine
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from barback.control.options import OnConflict

metadata = MetaData()
table = outbox_table(metadata)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/outbox.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    engine = make_engine(make_url(url))
    metadata.create_all(engine)
    yield engine
    metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    broker = RedisBroker(url=redis_url)
    yield broker
    broker.close()


@pytest.fixture
def outbox(broker: RedisBroker) -> Outbox:
    return Outbox(table, broker)


def a_message(number: int = 0) -> dramatiq.Message[Any]:
    return dramatiq.Message(
        queue_name="email", actor_name="send", args=(number,), kwargs={}, options={}
    )


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_what_is_committed_is_sent_once_in_order(
    outbox: Outbox, engine: Engine, broker: RedisBroker
) -> None:
    # Given messages of a transaction that was committed
    messages = [a_message(number) for number in range(250)]
    with engine.begin() as transaction:
        for message in messages:
            outbox.add(transaction, message)

    # When the outbox is flushed twice
    assert [outbox.flush(engine), outbox.flush(engine)] == [250, 0]

    # Expect each of them in the queue, once, and in order
    assert broker.queue_length("email") == 250
    consumer = broker.consume("email", prefetch=300, timeout=1)
    received = [next(consumer) for _ in messages]
    assert [proxy.args for proxy in received if proxy is not None] == [m.args for m in messages]
    for proxy in received:
        assert proxy is not None
        consumer.ack(proxy)
    consumer.close()


def test_what_is_rolled_back_is_never_sent(
    outbox: Outbox, engine: Engine, broker: RedisBroker
) -> None:
    # Given a transaction that is rolled back after it has added its message
    with engine.connect() as connection, connection.begin() as transaction:
        outbox.add(connection, a_message())
        transaction.rollback()

    # Expect nothing to be sent
    assert outbox.flush(engine) == 0
    assert broker.queue_length("email") == 0


def test_what_was_sent_already_is_refused_and_would_be_done_twice(
    outbox: Outbox, engine: Engine, broker: RedisBroker
) -> None:
    @dramatiq.actor(broker=broker, queue_name="email")
    def welcome(name: str) -> None: ...

    with (
        pytest.raises(ValueError, match=r"welcome\.message\(…\), not welcome\.send\(…\)"),
        engine.begin() as transaction,
    ):
        outbox.add(transaction, welcome.send("Ada"))

    assert outbox.flush(engine) == 0
    assert broker.queue_length("email") == 1


def test_a_delay_that_would_be_lost_is_refused(
    outbox: Outbox, engine: Engine, broker: RedisBroker
) -> None:
    @dramatiq.actor(broker=broker, queue_name="email")
    def remind(name: str) -> None: ...

    with pytest.raises(ValueError, match="knows no delay"), engine.begin() as transaction:
        outbox.add(transaction, remind.message_with_options(args=("Ada",), delay=60_000))
    assert outbox.flush(engine) == 0


def test_what_asyncio_would_lose_is_refused_and_what_helps_is_told(
    outbox: Outbox, broker: RedisBroker, postgres_url: str
) -> None:
    database = make_engine(make_url(postgres_url))
    metadata.create_all(database)

    async def sign_up() -> None:
        engine = create_async_engine(database.url)
        async with AsyncSession(engine) as session, engine.connect() as connection:
            # Nobody awaits what these return, so the message would be lost without an error
            for asynchronous in (session, connection):
                with pytest.raises(TypeError, match=r"run_sync\(outbox\.add, message\)"):
                    outbox.add(asynchronous, a_message(1))  # type: ignore[arg-type]
            await session.run_sync(outbox.add, a_message(2))
            await session.commit()
        with pytest.raises(TypeError, match="got an AsyncEngine"):
            OutboxRelay(outbox, engine)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="got an AsyncEngine"):
            outbox.flush(engine)  # type: ignore[arg-type]
        await engine.dispose()

    asyncio.run(sign_up())

    assert outbox.flush(database) == 1
    assert broker.queue_length("email") == 1
    metadata.drop_all(database)
    database.dispose()


def test_many_relays_at_once_send_every_message_once(
    outbox: Outbox, engine: Engine, broker: RedisBroker
) -> None:
    # Given many messages
    with engine.begin() as transaction:
        for number in range(200):
            outbox.add(transaction, a_message(number))

    # When four relays flush at the same moment
    start = threading.Barrier(4)

    def flush() -> None:
        start.wait()
        outbox.flush(engine)

    relays = [threading.Thread(target=flush) for _ in range(4)]
    for relay in relays:
        relay.start()
    for relay in relays:
        relay.join()

    # Expect each message once
    assert broker.queue_length("email") == 200
    assert waiting(engine) == 0


def test_a_relay_deletes_no_message_that_has_the_id_of_one_that_another_relay_deleted(
    outbox: Outbox, engine: Engine, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a relay that has sent a message
    with engine.begin() as transaction:
        outbox.add(transaction, a_message(1))
    enqueue_once = broker.enqueue_once

    def send_late(message: dramatiq.Message[Any], **options: Any) -> object:
        sent = enqueue_once(message, **options)
        monkeypatch.undo()
        # When another one finds the same row and deletes it, and the next one takes its id
        outbox.flush(engine)
        with engine.begin() as transaction:
            outbox.add(transaction, a_message(2))
        return sent

    monkeypatch.setattr(broker, "enqueue_once", send_late)
    outbox.flush(engine)

    # Expect that this one is sent as well
    outbox.flush(engine)
    assert (broker.queue_length("email"), waiting(engine)) == (2, 0)


def test_a_database_that_cannot_compare_messages_is_not_asked_to(outbox: Outbox) -> None:
    # Oracle: it answers ORA-00932, and gives no id twice.
    engine: Any = SimpleNamespace(dialect=oracle.dialect())  # type: ignore[no-untyped-call]

    deletion = outbox._deletion(engine).compile(dialect=engine.dialect)

    assert str(deletion) == "DELETE FROM outbox WHERE outbox.id = :sent_id"


def test_a_relay_that_dies_after_sending_does_not_send_twice(
    outbox: Outbox, engine: Engine, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a relay that dies between sending and noting it
    with engine.begin() as transaction:
        outbox.add(transaction, a_message())
    with monkeypatch.context() as patch:
        patch.setattr(engine, "begin", _die)
        with pytest.raises(KeyboardInterrupt):
            outbox.flush(engine)
    assert (broker.queue_length("email"), waiting(engine)) == (1, 1)

    # When the next one finds the same row
    outbox.flush(engine)

    # Expect one message
    assert (broker.queue_length("email"), waiting(engine)) == (1, 0)


def _die() -> None:
    raise KeyboardInterrupt


def test_an_unreachable_broker_loses_nothing(outbox: Outbox, engine: Engine) -> None:
    # Given a broker that is not there
    away = RedisBroker(url="redis://127.0.0.1:1")
    with engine.begin() as transaction:
        outbox.add(transaction, a_message())

    # Expect the flush to say so and the message to stay
    with pytest.raises(BrokerUnavailable):
        Outbox(table, away).flush(engine)
    assert waiting(engine) == 1
    assert outbox.flush(engine) == 1


def test_a_message_that_cannot_be_read_stays_and_holds_up_no_other(
    outbox: Outbox, engine: Engine, broker: RedisBroker
) -> None:
    # Given a damaged row before a good one
    with engine.begin() as transaction:
        transaction.execute(table.insert().values(message=b"not a message"))
        outbox.add(transaction, a_message())

    # When the outbox is flushed
    assert outbox.flush(engine) == 1

    # Expect the good one to be sent, and the damaged one to be there to look at
    assert broker.queue_length("email") == 1
    assert waiting(engine) == 1


def test_a_relay_sends_when_it_is_woken_and_what_it_finds_at_its_start(
    outbox: Outbox, engine: Engine, broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a message that an earlier process left behind, and no sweep for as long as we wait
    monkeypatch.setattr("barback.outbox.SWEEP_INTERVAL_SECONDS", 600.0)
    with engine.begin() as transaction:
        outbox.add(transaction, a_message(1))

    # When a relay starts
    relay = OutboxRelay(outbox, engine)
    relay.start()

    # Expect it to be sent
    eventually(lambda: broker.queue_length("email") == 1)

    # When another message is committed and the relay is woken
    with engine.begin() as transaction:
        outbox.add(transaction, a_message(2))
    relay.wake()

    # Expect it before the next sweep
    eventually(lambda: broker.queue_length("email") == 2)
    relay.stop()


def test_a_program_that_starts_anew_in_its_process_starts_its_relay_anew(
    outbox: Outbox, engine: Engine, broker: RedisBroker
) -> None:
    # Given a relay that was stopped, as by the end of a test of FastAPI's application
    relay = OutboxRelay(outbox, engine)
    relay.stop()
    relay.start()
    relay.stop()
    assert not relay.is_running

    # When it is started again, twice
    with engine.begin() as transaction:
        outbox.add(transaction, a_message(1))
    relay.start()
    relay.start()

    # Expect it to send
    eventually(lambda: broker.queue_length("email") == 1)
    relay.stop()


@pytest.fixture
def relay(outbox: Outbox, engine: Engine) -> Iterator[OutboxRelay]:
    relay = OutboxRelay(outbox, engine)
    yield relay
    relay.stop()


@pytest.fixture(params=[sqlite3.OperationalError("database is locked"), KeyError("?")], ids=repr)
def error(request: pytest.FixtureRequest) -> Exception:
    found: Exception = request.param
    return found


def test_a_relay_outlives_any_error_and_says_it_once(
    outbox: Outbox,
    relay: OutboxRelay,
    broker: RedisBroker,
    error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given a database that fails, whatever the error, some times in a row
    failures = iter(range(4))

    def fail_sometimes(_: object) -> None:
        if next(failures, None) is not None:
            raise error

    with relay.engine.begin() as transaction:
        outbox.add(transaction, a_message())
    event.listen(relay.engine, "begin", fail_sometimes)

    # When the relay runs into it
    caplog.set_level(logging.INFO)
    relay.start()

    # Expect the message to leave all the same, and two lines about it
    eventually(lambda: broker.queue_length("email") == 1)
    eventually(lambda: "Resumed: the outbox" in caplog.text)
    assert caplog.text.count("Interrupted: the outbox") == 1
    assert relay.is_running


def test_a_row_that_cannot_be_sent_is_told_of_once(
    outbox: Outbox, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.begin() as transaction:
        transaction.execute(table.insert().values(message=b"not a message"))

    for _ in range(3):
        outbox.flush(engine)

    assert caplog.text.count("cannot be sent") == 1


@pytest.mark.parametrize("on_conflict", ["return", "raise"])
def test_one_of_two_unique_messages_is_sent_and_no_row_is_left(
    outbox: Outbox,
    engine: Engine,
    broker: RedisBroker,
    caplog: pytest.LogCaptureFixture,
    on_conflict: OnConflict,
) -> None:
    # Given two messages of which one is enough
    broker.add_middleware(Control())

    @dramatiq.actor(broker=broker, queue_name="email", unique=Unique(on_conflict=on_conflict))
    def send() -> None: ...

    with engine.begin() as transaction:
        for _ in range(2):
            outbox.add(transaction, send.message())
    # When the outbox is flushed
    outbox.flush(engine)
    # Expect one in the queue, and none that would be sent when the first one has ended
    assert broker.queue_length("email") == 1
    assert waiting(engine) == 0
    assert "Traceback" not in caplog.text


def test_looking_for_messages_does_not_wait_for_a_writer(outbox: Outbox, tmp_path: Path) -> None:
    # Given a SQLite file that somebody is writing to
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/outbox.db"))
    metadata.create_all(engine)
    writer = sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    # Expect a look at an empty outbox to succeed all the same
    assert outbox.flush(engine) == 0
    writer.close()
    engine.dispose()


def test_a_relay_outlives_a_writer_that_keeps_the_database_for_too_long(
    outbox: Outbox,
    broker: RedisBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given a SQLite file with a message, and somebody who keeps its lock longer than anyone waits
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/locked.db"))
    metadata.create_all(engine)
    with engine.begin() as transaction:
        outbox.add(transaction, a_message())
    writer = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    # When a relay runs into it, and the lock is free again
    relay = OutboxRelay(outbox, engine)
    relay.start()
    eventually(lambda: "database is locked" in caplog.text)
    writer.close()

    # Expect the message to be sent once, and its row to be gone
    eventually(lambda: waiting(engine) == 0)
    assert broker.queue_length("email") == 1
    relay.stop()
    engine.dispose()
