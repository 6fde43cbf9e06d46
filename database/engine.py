"""Where the database is, and how to read and write it.

``with writing() as session`` is one transaction: committed at the end of the block, rolled back
on an exception. ``with reading() as session`` never blocks a writer.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

from database.migrations import migrate
from database.sqlite import BUSY_TIMEOUT_MS, make_sqlite, turn_to_write
from made_once import made_once
from settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from sqlalchemy import ExceptionContext

#: What our engines raise when the database is away, full, read-only, damaged or busy, or has not
#: the tables of this version yet, whatever it was asked. Statements that are wrong raise
#: ProgrammingError.
AWAY_ERRORS = (OperationalError, InterfaceError, InternalError, NoConnectionFree)

#: What PostgreSQL says where tables, columns or a schema are not made yet, or rights not given.
_NOT_SET_UP_STATES = {"42P01", "42703", "3F000", "42501"}

#: What SQLite says where tables or columns are not made yet.
_NOT_SET_UP_WORDS = ("no such table", "no such column", "has no column named")

#: What SQLite's driver calls an error of no particular kind: the file is damaged, or is another's.
_DAMAGED_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

#: How PostgreSQL is connected to, unless DATABASE_URL says otherwise: nobody waits for ever for a
#: network that drops everything, nor for what is said in another encoding than ours.
POSTGRESQL_OPTIONS: dict[str, str | int] = {
    "client_encoding": "utf8",
    "connect_timeout": 5,  # seconds, as the next three
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,  # milliseconds
}


def database_url() -> URL:
    """``DATABASE_URL`` or, when it is not set, a SQLite file beside the embedded server's data."""
    if settings.database_url is not None:
        return make_url(settings.database_url)
    return URL.create("sqlite", database=str(settings.barback_data_dir.absolute() / "bar.db"))


@made_once
def engine() -> Engine:
    """The engine of this process, made at its first use.

    The tables of the default SQLite file are made and brought up to date here. A database that
    somebody set up with ``DATABASE_URL`` is changed by ``python -m database migrate`` alone.
    """
    engine = make_engine(database_url())
    if settings.database_url is None:
        migrate(engine)
    return engine


@contextlib.contextmanager
def writing() -> Iterator[Session]:
    with (
        turn_to_write() if engine().dialect.name == "sqlite" else contextlib.nullcontext(),
        Session(
            engine().execution_options(sqlite_begin="BEGIN IMMEDIATE"), expire_on_commit=False
        ) as session,
        session.begin(),
    ):
        yield session


@contextlib.contextmanager
def reading() -> Iterator[Session]:
    with Session(engine(), expire_on_commit=False) as session:
        yield session


def make_engine(url: URL, **options: Any) -> Engine:
    """An engine on which SQLite behaves as a database with several writers must, and on which
    nothing waits for PostgreSQL, or for somebody's lock, without end.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = make_sqlite(url, options) if is_sqlite else _make_postgresql(url, options)
    event.listen(engine, "handle_error", _tell_outage_from_fault, retval=True)
    return engine


def _make_postgresql(url: URL, options: dict[str, Any]) -> Engine:
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what it raises anyway
    given = POSTGRESQL_OPTIONS | dict(url.query)
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_timeout=BUSY_TIMEOUT_MS / 1000,
        # PgBouncer gives each transaction another connection, on which nothing is prepared.
        connect_args={name: given[name] for name in POSTGRESQL_OPTIONS}
        | {"prepare_threshold": None},
        **options,
    )
    event.listen(engine, "connect", _set_up_postgresql)
    return engine


def _tell_outage_from_fault(context: ExceptionContext) -> DBAPIError | None:
    """To PostgreSQL's driver a missing table is a fault of the program, to SQLite's each fault of
    the program is an outage.
    """
    error = context.original_exception
    if not isinstance(error, Exception):  # Ctrl-C, a time limit: neither
        return None
    kind: type[DBAPIError] = DBAPIError
    code = getattr(error, "sqlite_errorcode", 0)
    if is_not_set_up(error) or code & 0xFF in _DAMAGED_CODES:
        kind = OperationalError
    elif code == sqlite3.SQLITE_ERROR:
        kind = ProgrammingError
    if isinstance(context.sqlalchemy_exception, kind):
        return None
    return kind(context.statement, None, error)


def is_not_set_up(error: BaseException | None) -> bool:
    """Whether the driver said that tables, columns or rights are missing."""
    return getattr(error, "sqlstate", None) in _NOT_SET_UP_STATES or (
        getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
        and any(words in str(error) for words in _NOT_SET_UP_WORDS)
    )


def _set_up_postgresql(connection: psycopg.Connection, _record: object) -> None:
    from database.far_times import FarTimeLoader  # noqa: PLC0415 - its driver is for PostgreSQL alone

    connection.adapters.register_loader("timestamptz", FarTimeLoader)
    # Not as an option of the connection, which PgBouncer refuses.
    connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
    connection.commit()
