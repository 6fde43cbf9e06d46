"""The bar's database: users, orders, sales, reports. SQLAlchemy, on SQLite or PostgreSQL."""

import logging

# It tells at every start, at the level of what the bar has to say, which plugins it brings along.
logging.getLogger("alembic").setLevel(logging.WARNING)
