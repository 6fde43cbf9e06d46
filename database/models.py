"""All tables, so that Alembic sees them. A new module with a table is imported here."""

from database import (
    daily_sales,
    links,
    orders,
    outbox,
    reports,
    sales,
    sessions,
    standing_orders,
    users,
)
from database.base import Base

__all__ = [
    "Base",
    "daily_sales",
    "links",
    "orders",
    "outbox",
    "reports",
    "sales",
    "sessions",
    "standing_orders",
    "users",
]
