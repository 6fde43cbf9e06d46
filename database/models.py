"""All tables, so that Alembic sees them. A new module with a table is imported here."""

from database import orders, outbox, reports, sales, standing_orders, till, users
from database.base import Base

__all__ = ["Base", "orders", "outbox", "reports", "sales", "standing_orders", "till", "users"]
