"""Where the database is, and how to read and write it.

``with writing() as session`` is one transaction: committed at the end of the block, rolled back
on an exception. ``with reading() as session`` never blocks a writer.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

from barback.private_files import make_private_directory, make_private_file
from database.migrations import migrate
from settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from sqlalchemy import ExceptionContext

#: What our engines raise when the database is away, full, read-only or busy, or has not the tables
#: of this version yet, whatever it was asked. Statements that are wrong raise ProgrammingError.
AWAY_ERRORS = (OperationalError, InterfaceError, InternalError, NoConnectionFree)

#: What PostgreSQL says where tables, columns or a schema are not made yet, or rights not given.
_NOT_SET_UP_STATES = {"42P01", "42703", "3F000", "42501"}

#: What SQLite says where tables or columns are not made yet.
_NOT_SET_UP_WORDS = ("no such table", "no such column", "has no column named")

#: How long a writer waits for another one, in milliseconds. SQLite has one writer at a time.
BUSY_TIMEOUT_MS = 10_000

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

#: How long SQLite waits for a lock before we ask again, in milliseconds.
LOCK_POLL_MS = 5

#: How long we wait as well, in seconds: for some locks SQLite does not.
LOCK_PAUSE_SECONDS = 0.001

#: SQLite has one writer at a time, so the threads of a process may as well wait here: quietly, and
#: in the way of no other process. It knows its owner, who can therefore let go of what may be his.
_sqlite_writer = threading.RLock()


def database_url() -> URL:
    """``DATABASE_URL`` or, when it is not set, a SQLite file beside the embedded server's data."""
    if settings.database_url is not None:
        return make_url(settings.database_url)
    return URL.create("sqlite", database=str(settings.barback_data_dir.absolute() / "bar.db"))


@functools.cache
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
        _turn_to_write() if engine().dialect.name == "sqlite" else contextlib.nullcontext(),
        Session(
            engine().execution_options(sqlite_begin="BEGIN IMMEDIATE"), expire_on_commit=False
        ) as session,
        session.begin(),
    ):
        yield session


@contextlib.contextmanager
def _turn_to_write() -> Iterator[None]:
    # A time limit or a cancel interrupts a thread anywhere, also where it has the lock already and
    # does not know it yet: a lock that was lost so would end all writing of this process.
    try:
        # While another process holds SQLite's, those before us may take all of their time, one by
        # one.
        if not _sqlite_writer.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            locked = sqlite3.OperationalError("database is locked")
            raise OperationalError("BEGIN IMMEDIATE", None, locked) from locked
        yield
    finally:
        try:  # noqa: SIM105 - `suppress` would be another place in which to be interrupted
            _sqlite_writer.release()
        except RuntimeError:  # not ours
            pass


@contextlib.contextmanager
def reading() -> Iterator[Session]:
    with Session(engine(), expire_on_commit=False) as session:
        yield session


def make_engine(url: URL, **options: Any) -> Engine:
    """An engine on which SQLite behaves as a database with several writers must, and on which
    nothing waits for PostgreSQL, or for somebody's lock, without end.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = _make_sqlite(url, options) if is_sqlite else _make_postgresql(url, options)
    event.listen(engine, "handle_error", _tell_outage_from_fault, retval=True)
    return engine


def _make_sqlite(url: URL, options: dict[str, Any]) -> Engine:
    engine = create_engine(url, **options)
    _make_private(url)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_postgresql(url: URL, options: dict[str, Any]) -> Engine:
    given = POSTGRESQL_OPTIONS | dict(url.query)
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_timeout=BUSY_TIMEOUT_MS / 1000,
        connect_args={name: given[name] for name in POSTGRESQL_OPTIONS},
        **options,
    )
    event.listen(engine, "connect", _set_up_postgresql)
    return engine


def _tell_outage_from_fault(context: ExceptionContext) -> DBAPIError | None:
    """To PostgreSQL's driver a missing table is a fault of the program, to SQLite's each fault of
    the program is an outage.
    """
    error = context.original_exception
    kind: type[DBAPIError] = DBAPIError
    if getattr(error, "sqlstate", None) in _NOT_SET_UP_STATES:
        kind = OperationalError
    elif getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        is_not_set_up = any(words in str(error) for words in _NOT_SET_UP_WORDS)
        kind = OperationalError if is_not_set_up else ProgrammingError
    if isinstance(context.sqlalchemy_exception, kind):
        return None
    return kind(context.statement, None, error)


def _make_private(url: URL) -> None:
    """Let nobody else read the file, which has password hashes, or those that SQLite puts beside
    it. A directory is made private when it is ours: made here, or BARBACK_DATA_DIR.
    """
    if not url.database or url.database.startswith((":memory:", "file:")):
        return
    path = Path(url.database)
    try:
        if not path.parent.exists() or path.parent == settings.barback_data_dir.absolute():
            make_private_directory(path.parent, may_be_anothers=True)
        for file in (path, *path.parent.glob(f"{glob.escape(path.name)}-*")):
            make_private_file(file)
    except OSError as error:  # to callers it is one more reason why the database cannot be used
        raise OperationalError(f"open {path}", None, error) from error


def _set_up_postgresql(connection: psycopg.Connection, _record: object) -> None:
    from database.far_times import FarTimeLoader  # noqa: PLC0415 - its driver is for PostgreSQL alone

    connection.adapters.register_loader("timestamptz", FarTimeLoader)
    # Not as an option of the connection, which PgBouncer refuses.
    connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
    connection.commit()


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver is to begin no transaction by itself; _begin_sqlite does.
    connection.isolation_level = None
    with _as_sqlalchemy_says_it("PRAGMA"):
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        # In a new file this asks for a lock, for which SQLite never waits.
        _insist(connection, "PRAGMA journal_mode = WAL")
        # As the embedded server, it may lose the last second when the machine (not a process)
        # fails. In return no writer keeps the others waiting for the disk.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    driver_connection = cast("sqlite3.Connection", connection.connection.driver_connection)
    statement = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    with _as_sqlalchemy_says_it(statement):
        if statement == "BEGIN IMMEDIATE":
            # A transaction that reads first and writes later fails at once when another one has
            # written in between ("database is locked", whatever the timeout), so the lock is taken
            # at the beginning.
            _insist(driver_connection, statement)
        else:
            driver_connection.execute(statement)


@contextlib.contextmanager
def _as_sqlalchemy_says_it(statement: str) -> Iterator[None]:
    """In a listener SQLAlchemy does not wrap what the driver raises, as its callers expect."""
    try:
        yield
    except sqlite3.Error as error:
        raise OperationalError(statement, None, error) from error


def _insist(connection: sqlite3.Connection, statement: str) -> None:
    """Execute what needs a lock, as soon as it is free.

    SQLite waits with pauses that grow to 100 ms, and whoever came last has the shortest ones.
    Asking again every few milliseconds is fairer.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    connection.execute(f"PRAGMA busy_timeout = {LOCK_POLL_MS}")
    try:
        while not _try(connection, statement, is_last_try=time.monotonic() > deadline):
            time.sleep(LOCK_PAUSE_SECONDS)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _try(connection: sqlite3.Connection, statement: str, *, is_last_try: bool) -> bool:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # of whichever kind
        if is_last_try or not is_busy:
            raise
        return False
    return True
