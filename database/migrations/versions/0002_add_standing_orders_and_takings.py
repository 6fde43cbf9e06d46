"""Add standing orders and takings"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "standing_orders",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("drink", sa.String(), nullable=False),
        sa.Column("visitor", sa.String(), nullable=True),
        sa.Column("cron", sa.String(), nullable=True),
        sa.Column("every_seconds", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "CASE WHEN cron IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN every_seconds IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN at IS NULL THEN 0 ELSE 1 END = 1",
            name=op.f("ck_standing_orders_one_schedule"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_orders")),
    )
    op.create_index("ix_standing_orders_visitor", "standing_orders", ["visitor"])
    op.create_table(
        "takings",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("drink", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.Column("revenue_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "drink", "currency", name=op.f("pk_takings")),
    )


def downgrade() -> None:
    op.drop_table("takings")
    op.drop_index("ix_standing_orders_visitor", "standing_orders")
    op.drop_table("standing_orders")
