"""Changes of the tables, in order, applied by Alembic.

A new one: ``alembic revision --autogenerate -m "Add …"``; then read what it wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

#: Any number will do, as long as nobody else takes this PostgreSQL advisory lock.
LOCK_NUMBER = 7_234_015

#: How long a change waits for a table, in milliseconds: on PostgreSQL, everybody who wants it waits
#: behind the change, and a backup that reads it may take hours.
TABLE_TIMEOUT_MS = 3_000

#: All revisions: the numbers that the names of their files begin with.
REVISIONS = {
    path.name.partition("_")[0] for path in Path(__file__).parent.glob("versions/[0-9]*.py")
}

#: The newest one.
HEAD = max(REVISIONS)


class NewerTablesError(SQLAlchemyError):
    """The tables are not known to this version of the bar."""

    def __init__(self) -> None:
        super().__init__(
            "Its tables are those of a newer version of the bar, or of another program: go on with "
            "that version, or check DATABASE_URL."
        )


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the tables up to a revision. Safe to call from several processes at once.

    Raises:
      sqlalchemy.exc.SQLAlchemyError: The database cannot be used.
      NewerTablesError: Nor should it be.
    """
    if is_up_to_date(engine):
        return
    # Alembic takes a sixth of the start of every worker, and is needed once a release.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    # To its config, %(x)s stands for something.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        _lock(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def is_up_to_date(engine: Engine) -> bool:
    """Whether the newest revision is noted in Alembic's own table.

    Raises:
      NewerTablesError: A revision is noted that this version does not know.
    """
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        noted = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    if noted - REVISIONS:
        raise NewerTablesError
    return noted == {HEAD}


def _lock(connection: Connection) -> None:
    """Let one process migrate at a time; on SQLite, BEGIN IMMEDIATE has done so already."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")  # however long the other one takes
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {TABLE_TIMEOUT_MS}")
