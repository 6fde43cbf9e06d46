"""Alembic runs this file to apply or to write migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context

from database import models
from database.engine import database_url, make_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection


def run_migrations(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=models.Base.metadata,
        # SQLite cannot alter most things of a table: Alembic copies the table instead.
        render_as_batch=connection.dialect.name == "sqlite",
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
