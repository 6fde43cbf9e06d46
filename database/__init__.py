"""The bar's books: users, orders, sales, reports. SQLAlchemy, on SQLite or PostgreSQL."""
