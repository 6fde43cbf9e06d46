"""All tables, so that Alembic sees them. A new module with a table is imported here."""

from database.base import Base

__all__ = ["Base"]
