"""SQLite as a database with several writers."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from queue import Queue
from typing import TYPE_CHECKING

import pytest
from dramatiq.middleware import TimeLimitExceeded
from dramatiq.middleware.threading import raise_thread_exception
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import OperationalError

from database import engine as database_engine
from database import sqlite
from database.engine import make_engine, writing
from made_once import made_once
from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.processes import ProcessStarter


def test_a_lock_that_is_held_for_too_long_is_an_error_that_callers_expect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a writer that does not let go
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/bar.db"))
    with engine.connect():
        pass  # the file is there
    writer = sqlite3.connect(tmp_path / "bar.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    # Expect SQLAlchemy's own error, which is what callers catch
    with (
        pytest.raises(OperationalError, match="database is locked"),
        engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin(),
    ):
        pass
    writer.close()
    engine.dispose()


def test_a_damaged_file_is_an_error_that_callers_expect(tmp_path: Path) -> None:
    # Given a file of which a disk, or a copy of half of it, has spoilt a page
    path = tmp_path / "bar.db"
    engine = make_engine(make_url(f"sqlite:///{path}"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE drinks (name)"))
        connection.execute(text("INSERT INTO drinks VALUES ('beer')"))
    engine.dispose()
    with path.open("r+b") as file:
        page_bytes = path.stat().st_size // 2  # the table of tables, and this one
        file.seek(page_bytes)
        file.write(b"\xff" * page_bytes)

    # Expect work to wait for one that is put back, and not to be given up
    with (
        pytest.raises(OperationalError, match="malformed"),
        engine.connect() as connection,
    ):
        connection.execute(text("SELECT * FROM drinks")).all()
    engine.dispose()


def test_a_process_waits_while_another_one_makes_the_file(tmp_path: Path) -> None:
    # Given a new file, which another process has just begun to write
    path = tmp_path / "bar.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    engine = make_engine(make_url(f"sqlite:///{path}"))

    # When it is opened
    with ThreadPoolExecutor() as threads:
        opening = threads.submit(lambda: engine.connect().close())
        told_at_once = wait([opening], timeout=0.2).done
        writer.close()

    # Expect it to wait for its turn
    assert not told_at_once
    assert opening.exception() is None
    engine.dispose()


def test_threads_do_not_queue_for_a_lock_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a thread that writes, or waits to, for longer than the others may wait
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 50)
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/bar.db"))
    monkeypatch.setattr(database_engine, "engine", lambda: engine)

    def write() -> None:
        with writing():
            pass

    with ThreadPoolExecutor() as threads:
        with writing():
            others = [threads.submit(write) for _ in range(3)]

            # Expect the others to be told
            for other in others:
                assert isinstance(other.exception(), OperationalError)

        # Expect the way to be free afterwards
        threads.submit(write).result()
    engine.dispose()


def test_a_thread_that_is_interrupted_while_it_waits_leaves_no_lock_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a thread that waits for its turn to write
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/bar.db"))
    monkeypatch.setattr(database_engine, "engine", lambda: engine)
    waiting: Queue[int] = Queue()

    def write() -> None:
        waiting.put(threading.get_ident())
        with writing():
            pass

    with ThreadPoolExecutor() as threads:
        with writing():
            other = threads.submit(write)
            thread_id = waiting.get(timeout=60)
            eventually(lambda: sys._current_frames()[thread_id].f_code.co_name == "turn_to_write")
            # When a time limit interrupts it, which it notices when it has been given its turn
            raise_thread_exception(thread_id, TimeLimitExceeded)
        assert isinstance(other.exception(timeout=60), TimeLimitExceeded)
        del other

        # Expect others to write
        threads.submit(write).result(timeout=60)
    engine.dispose()


def test_making_an_engine_takes_no_locks_from_those_who_use_the_database(tmp_path: Path) -> None:
    # Given a connection that writes
    url = make_url(f"sqlite:///{tmp_path}/bar.db")
    engine = make_engine(url)
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE drinks (name)"))
        connection.commit()
        connection.execute(text("INSERT INTO drinks VALUES ('beer')"))

        # When another engine is made in the same process
        other = make_engine(url)

        # Expect another process to have to wait
        write = "import sqlite3, sys; sqlite3.connect(sys.argv[1], 0.01).execute('BEGIN IMMEDIATE')"
        command = [sys.executable, "-c", write, str(tmp_path / "bar.db")]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "database is locked" in run.stderr
    for each in (engine, other):
        each.dispose()


def test_threads_that_want_the_database_at_once_get_the_same_engine(tmp_path: Path) -> None:
    # Given threads that come while it is made
    made = threading.Event()

    @made_once
    def engine() -> Engine:
        made.wait(timeout=60)
        return make_engine(make_url(f"sqlite:///{tmp_path}/bar.db"))

    with ThreadPoolExecutor() as threads:
        wanted = [threads.submit(engine) for _ in range(4)]
        made.set()
        assert len({id(each.result(timeout=60)) for each in wanted}) == 1
    engine().dispose()


def test_nobody_else_can_read_the_default_database(start: ProcessStarter, tmp_path: Path) -> None:
    # Given a data directory and a file that an earlier version left open to others
    data_dir = tmp_path / "open"
    data_dir.mkdir()
    data_dir.chmod(0o755)
    (data_dir / "bar.db").touch()
    (data_dir / "bar.db").chmod(0o644)

    # When a program uses it with the usual umask, which TestProcess inherits
    before = os.umask(0o022)
    try:
        run = start.run(["python", "-m", "database", "migrate"], BARBACK_DATA_DIR=str(data_dir))
    finally:
        os.umask(before)

    # Expect it to be closed now, and all that is in it
    assert run.exit_code == 0, run.output
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in data_dir.iterdir()} == {0o600}


def test_a_directory_that_somebody_else_has_made_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    engine = make_engine(make_url(f"sqlite:///{tmp_path}/bar.db"))
    with engine.begin():
        pass
    engine.dispose()

    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "bar.db").stat().st_mode & 0o777 == 0o600


def test_a_directory_with_characters_that_mean_something_in_a_url_works(
    start: ProcessStarter, tmp_path: Path
) -> None:
    data_dir = tmp_path / "50%25 off?mode=memory#top\ntwo lines"

    run = start.run(["python", "-m", "database", "migrate"], BARBACK_DATA_DIR=str(data_dir))

    assert run.exit_code == 0, run.output
    assert (data_dir / "bar.db").stat().st_size > 0


@pytest.mark.parametrize("command", ["migrate", "demo-data"])
def test_a_place_that_cannot_be_used_is_an_error_that_callers_expect(
    start: ProcessStarter, command: str
) -> None:
    run = start.run(["python", "-m", "database", command], DATABASE_URL="sqlite:////proc/bar.db")

    assert run.exit_code == 1
    assert "cannot be used" in run.stderr
    assert "/proc/bar.db" in run.stderr
    assert "make the tables" not in run.stderr  # which is what cannot be done there
    assert "Traceback" not in run.stderr
