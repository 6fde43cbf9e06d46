"""A PostgreSQL that keeps its clients waiting, or speaks as they do not expect."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from database import engine as database_engine
from database import errors as database_errors
from database.engine import AWAY_ERRORS, make_engine
from database.errors import shown_url
from database.migrations import migrate
from database.standing_orders import StandingOrder, hold_standing_order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def silent_port() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_lock_that_somebody_else_holds_for_too_long_is_an_error(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a table that an operator has locked, and a connection that is taken
    monkeypatch.setattr(database_engine, "BUSY_TIMEOUT_MS", 50)
    engine = make_engine(make_url(postgres_url), pool_size=1, max_overflow=0)
    migrate(engine)
    with psycopg.connect(postgres_url) as operator, engine.connect() as connection:
        operator.execute("LOCK TABLE orders")

        # Expect nobody to wait without end: for the lock, or for a connection
        with pytest.raises(OperationalError, match="lock timeout"):
            connection.execute(text("SELECT * FROM orders"))
        with pytest.raises(AWAY_ERRORS, match="limit of size 1"):
            engine.connect()
    engine.dispose()


def test_a_pool_that_gives_each_transaction_another_connection_works(postgres_url: str) -> None:
    # When the same statement is executed so often that the driver would have the server prepare it
    engine = make_engine(make_url(postgres_url), pool_size=1, max_overflow=0)
    for _ in range(20):
        with engine.begin() as connection:
            connection.execute(text("SELECT :x"), {"x": "a"})

    # Expect it to leave nothing there: the next transaction may be on another server connection
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0
    engine.dispose()


def test_tables_that_are_not_made_yet_are_a_reason_to_wait(postgres_url: str) -> None:
    engine = make_engine(make_url(postgres_url))
    with pytest.raises(AWAY_ERRORS), engine.connect() as connection:
        connection.execute(text("SELECT * FROM orders"))
    engine.dispose()


@pytest.mark.parametrize("statement", ["SELEC 1", "SELECT nonsense()"])
def test_a_statement_that_is_wrong_is_no_outage(
    statement: str, postgres_url: str, tmp_path: Path
) -> None:
    for url in (postgres_url, f"sqlite:///{tmp_path}/bar.db"):
        engine = make_engine(make_url(url))
        with pytest.raises(ProgrammingError) as error, engine.connect() as connection:
            connection.execute(text(statement))
        assert not isinstance(error.value, AWAY_ERRORS)
        engine.dispose()


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_an_error(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shortest = {**database_engine.POSTGRESQL_OPTIONS, "connect_timeout": 2}
    monkeypatch.setattr(database_engine, "POSTGRESQL_OPTIONS", shortest)
    engine = make_engine(make_url(f"postgresql://bar@127.0.0.1:{silent_port}/bar"))
    with pytest.raises(OperationalError, match="timeout expired"):
        engine.connect()


def test_a_network_that_drops_everything_is_found_out_unless_the_url_says_otherwise(
    postgres_url: str,
) -> None:
    engine = make_engine(make_url(postgres_url).update_query_dict({"keepalives_idle": "77"}))
    with engine.connect() as connection:
        driver_connection = connection.connection.driver_connection
        assert isinstance(driver_connection, psycopg.Connection)
        parameters = driver_connection.info.get_parameters()
    assert parameters["keepalives_idle"] == "77"
    assert parameters["tcp_user_timeout"] == "15000"
    engine.dispose()


def test_a_database_without_an_encoding_works(postgres_url: str) -> None:
    # Given what `initdb` makes where the locale is C
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE plain ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
            " TEMPLATE template0"
        )
    engine = make_engine(make_url(postgres_url).set(database="plain"))

    migrate(engine)

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 'ü'")) == "ü"
    engine.dispose()


def test_who_changes_a_standing_order_waits_for_whoever_removes_it(postgres_url: str) -> None:
    # Given somebody who is about to remove one
    engine = make_engine(make_url(postgres_url))
    migrate(engine)
    with Session(engine) as session, session.begin():
        order = StandingOrder(drink="beer", every_seconds=3600, timezone="UTC")
        session.add(order)
        session.flush()
        order_id = order.id

    def look() -> StandingOrder | None:
        with Session(engine) as session, session.begin():
            return hold_standing_order(session, order_id)

    with ThreadPoolExecutor() as threads:
        with Session(engine) as session, session.begin():
            session.delete(hold_standing_order(session, order_id))
            session.flush()

            # When somebody else wants to pause it
            other = threads.submit(look)
            wait([other], timeout=0.5)

        # Expect them to find that it is gone
        assert other.result(timeout=20) is None
    engine.dispose()


def test_a_password_is_not_shown_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    url = make_url("postgresql://bar:s3cr3t@h:5432/bar?password=s3cr3t&sslpassword=s3cr3t")
    monkeypatch.setattr(database_errors, "database_url", lambda: url)

    assert shown_url() == "postgresql://bar:***@h:5432/bar"
