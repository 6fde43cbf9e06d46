from __future__ import annotations

import shutil
import signal
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Uuid, bindparam, make_url, select, text
from sqlalchemy.orm import Session

from database import migrations, models
from database.base import UtcDateTime, utc_now
from database.engine import make_engine
from database.errors import explain_errors
from database.links import Link, Purpose
from database.migrations import is_up_to_date, migrate
from database.users import User
from tests.support.polling import eventually

if TYPE_CHECKING:
    from tests.support.processes import ProcessStarter

MIGRATE = [sys.executable, "-m", "database", "migrate"]

#: How many wait for the lock of those who migrate this database.
WAITING = """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/bar.db"


def test_the_migrations_make_the_tables_that_the_models_describe(url: str) -> None:
    # When all migrations are applied, twice
    engine = make_engine(make_url(url))
    migrate(engine)
    migrate(engine)

    # Expect no difference to the models
    assert is_up_to_date(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models.Base.metadata) == []
    engine.dispose()


def test_a_checkout_whose_path_means_something_elsewhere_has_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a folder whose name has a place for a value in it, as a configuration may have
    copy = tmp_path / "50% off, %(here)s, ü"
    shutil.copytree(Path(migrations.__file__).parent, copy)
    monkeypatch.setattr(migrations, "__file__", str(copy / "__init__.py"))
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/bar.db"))

    migrate(engine)

    assert is_up_to_date(engine)
    engine.dispose()


def test_the_newest_migration_is_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


@pytest.mark.slow
def test_many_processes_may_migrate_at_the_same_time(start: ProcessStarter, url: str) -> None:
    processes = [start(MIGRATE, DATABASE_URL=url) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4, processes[0].output


def test_a_database_that_is_not_there_is_an_error_of_two_lines(start: ProcessStarter) -> None:
    process = start.run(MIGRATE, DATABASE_URL="postgresql://bar:secret@127.0.0.1:1/bar")
    assert process.exit_code == 1
    assert "cannot be used" in process.stderr
    assert "secret" not in process.output
    assert "Traceback" not in process.output


def test_who_waits_no_longer_for_the_database_is_told_of_no_fault_of_it(
    start: ProcessStarter, postgres_url: str
) -> None:
    # Given a migration that waits for another one
    with psycopg.connect(postgres_url) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({migrations.LOCK_NUMBER})")
        process = start(MIGRATE, DATABASE_URL=postgres_url)
        eventually(lambda: other.execute(WAITING).fetchone() == (1,))

        # When somebody presses Ctrl-C, expect nothing to be blamed
        process.send_signal(signal.SIGINT)
        assert process.wait() == 1
    assert process.stderr.strip() == "Aborted!"


def test_a_table_that_is_in_use_is_not_waited_for_while_everybody_waits_behind(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given tables of an older version, of which a backup reads one
    monkeypatch.setattr(migrations, "TABLE_TIMEOUT_MS", 50)
    engine = make_engine(make_url(postgres_url))
    migrate(engine, "0002")
    with psycopg.connect(postgres_url) as backup:
        backup.execute("SET idle_in_transaction_session_timeout = '30s'")  # it ends some time
        backup.execute("SELECT * FROM users")

        # Expect a migration to give up, for now, and to say so
        with pytest.raises(click.ClickException, match=r"lock timeout\. .*again"), explain_errors():
            migrate(engine)
    migrate(engine)
    assert is_up_to_date(engine)
    engine.dispose()


def test_tables_of_a_newer_version_are_left_alone(start: ProcessStarter, tmp_path: Path) -> None:
    # Given a database that a later version has migrated
    url = f"sqlite:///{tmp_path}/bar.db"
    engine = make_engine(make_url(url))
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    # Expect every program that looks to say so, and not to ask for what cannot help
    for command in (MIGRATE, [sys.executable, "-m", "web"]):
        process = start.run(command, DATABASE_URL=url)
        assert process.exit_code == 1
        assert "of a newer version of the bar, or of another program: go on" in process.stderr
        assert process.stderr.endswith("check DATABASE_URL.\n")
        assert "python -m database migrate" not in process.output
        assert "Traceback" not in process.output


def test_who_has_not_confirmed_the_address_keeps_the_link_that_was_sent(url: str) -> None:
    # Given a database of the release before log-in, with two who signed up
    engine = make_engine(make_url(url))
    migrate(engine, "0002")
    values = {"now": utc_now(), "ada": uuid.uuid4(), "bob": uuid.uuid4()}
    ids = (bindparam(name, type_=Uuid()) for name in ("ada", "bob"))
    insert = text(
        "INSERT INTO users (id, email, password_hash, created_at, confirmed_at) VALUES"
        " (:ada, 'ada@example.org', 'a', :now, :now), (:bob, 'bob@example.org', 'b', :now, NULL)"
    )
    with engine.begin() as connection:
        connection.execute(insert.bindparams(bindparam("now", type_=UtcDateTime()), *ids), values)

    # When it is brought up to date
    migrate(engine)

    # Expect an account for the one who confirmed, who is no staff, and a link for the other
    with Session(engine) as session:
        assert [(user.id, user.is_staff) for user in session.scalars(select(User))] == [
            (values["ada"], False)
        ]
        [link] = session.scalars(select(Link))
        assert (link.id, link.purpose, link.password_hash) == (values["bob"], Purpose.CONFIRM, "b")
    engine.dispose()
