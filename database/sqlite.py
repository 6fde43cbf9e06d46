"""SQLite, with several writers in several processes."""

from __future__ import annotations

import contextlib
import glob
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from barback.private_files import make_private_directory, make_private_file
from settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long a writer waits for another one, in milliseconds. SQLite has one writer at a time.
BUSY_TIMEOUT_MS = 10_000

#: How long SQLite waits for a lock before we ask again, in milliseconds.
LOCK_POLL_MS = 5

#: How long we wait as well, in seconds: for some locks SQLite does not.
LOCK_PAUSE_SECONDS = 0.001

#: SQLite has one writer at a time, so the threads of a process may as well wait here: quietly, and
#: in the way of no other process. It knows its owner, who can therefore let go of what may be his.
_sqlite_writer = threading.RLock()


def make_sqlite(url: URL, options: dict[str, Any]) -> Engine:
    """An engine on which SQLite behaves as a database with several writers must."""
    engine = create_engine(url, **options)
    _make_private(url)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextlib.contextmanager
def turn_to_write() -> Iterator[None]:
    """Wait for the other threads of this process that write.

    Raises:
      OperationalError: It took too long.
    """
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
