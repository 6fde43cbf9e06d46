"""Where the books are, and how one reads and writes them.

``with writing() as session`` is one transaction: committed at the end of the block, rolled back
on an exception. ``with reading() as session`` never blocks a writer.
"""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

from database.migrations import migrate
from settings import settings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

#: How long a writer waits for another one, in milliseconds. SQLite has one writer at a time.
BUSY_TIMEOUT_MS = 10_000


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
    with Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session


@contextlib.contextmanager
def reading() -> Iterator[Session]:
    reader = engine().execution_options(sqlite_begin="BEGIN")
    with Session(reader, expire_on_commit=False) as session:
        yield session


def make_engine(url: URL) -> Engine:
    """An engine on which SQLite behaves as a database with several writers must."""
    engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
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
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another one has written
    # in between ("database is locked", whatever the timeout), unless it takes the lock at its
    # beginning.
    begin = connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE")
    connection.exec_driver_sql(begin)
