"""Where the books are, and how one reads and writes them.

``with writing() as session`` is one transaction: committed at the end of the block, rolled back
on an exception. ``with reading() as session`` never blocks a writer.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

from database.migrations import migrate
from settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long a writer waits for another one, in milliseconds. SQLite has one writer at a time.
BUSY_TIMEOUT_MS = 10_000

#: How long SQLite waits for the write lock before we ask again, in milliseconds.
LOCK_POLL_MS = 5

#: SQLite has one writer at a time, so the threads of a process may as well wait here: quietly, and
#: in the way of no other process.
_sqlite_writer = threading.Lock()


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
        _sqlite_writer if engine().dialect.name == "sqlite" else contextlib.nullcontext(),
        Session(engine(), expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


@contextlib.contextmanager
def reading() -> Iterator[Session]:
    reader = engine().execution_options(sqlite_begin="BEGIN")
    with Session(reader, expire_on_commit=False) as session:
        yield session


def make_engine(url: URL, **options: Any) -> Engine:
    """An engine on which SQLite behaves as a database with several writers must."""
    engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite", **options)
    if engine.dialect.name == "sqlite":
        _make_directory(url)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_directory(url: URL) -> None:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver is to begin no transaction by itself; _begin_sqlite does.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    # As the embedded server, it may lose the last second when the machine (not a process) fails.
    # In return no writer keeps the others waiting for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    driver_connection = cast("sqlite3.Connection", connection.connection.driver_connection)
    if connection.get_execution_options().get("sqlite_begin") == "BEGIN":
        driver_connection.execute("BEGIN")
    else:
        _begin_writing(driver_connection)


def _begin_writing(connection: sqlite3.Connection) -> None:
    """Take SQLite's write lock.

    A transaction that reads first and writes later fails at once when another one has written in
    between ("database is locked", whatever the timeout), so the lock is taken at the beginning.

    SQLite waits for the lock with pauses that grow to 100 ms, and whoever came last has the
    shortest ones. Asking again every few milliseconds is fairer.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    connection.execute(f"PRAGMA busy_timeout = {LOCK_POLL_MS}")
    try:
        while not _take_write_lock(connection, is_last_try=time.monotonic() > deadline):
            pass
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _take_write_lock(connection: sqlite3.Connection, *, is_last_try: bool) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if is_last_try or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
