"""Alembic runs this file to apply or to write migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from alembic import context

from database import models
from database.base import UtcDateTime
from database.engine import database_url, make_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write a column of ours as what the database makes of it: migrations import no models."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run_migrations(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=models.Base.metadata,
        # SQLite cannot alter most things of a table: Alembic copies the table instead.
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run_migrations(given)
else:  # the `alembic` command line
    with make_engine(database_url()).begin() as made:
        run_migrations(made)
