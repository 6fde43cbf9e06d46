"""Changes of the tables, in order, applied by Alembic.

A new one: ``alembic revision --autogenerate -m "Add …"``; then read what it wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

#: Any number will do, as long as nobody else takes this PostgreSQL advisory lock.
LOCK_NUMBER = 7_234_015


def migrate(engine: Engine) -> None:
    """Bring the tables up to date. Safe to call from several processes at once."""
    if is_up_to_date(engine):
        return
    with engine.begin() as connection:
        _lock(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_up_to_date(engine: Engine) -> bool:
    with engine.connect().execution_options(sqlite_begin="BEGIN") as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    return set(current) == set(ScriptDirectory.from_config(_config()).get_heads())


def _lock(connection: Connection) -> None:
    """Let one process migrate at a time; on SQLite, BEGIN IMMEDIATE has done so already."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
