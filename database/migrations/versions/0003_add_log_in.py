"""Add log-in: sessions, and links that are e-mailed

Who has not confirmed the address is no user any more, but a link with the same id: links and
messages that are under way stay good.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    op.create_index("ix_links_email", "links", ["email", "created_at"])
    op.create_index("ix_links_created_at", "links", ["created_at"])
    op.execute(
        "INSERT INTO links (id, purpose, email, password_hash, created_at, sent_at, claimed_until)"
        " SELECT id, 'confirm', email, password_hash, created_at, confirmation_sent_at,"
        " confirmation_claimed_until FROM users WHERE confirmed_at IS NULL"
    )
    op.execute("DELETE FROM users WHERE confirmed_at IS NULL")
    for column in ("confirmed_at", "confirmation_sent_at", "confirmation_claimed_until"):
        op.drop_column("users", column)
    op.add_column(
        "users", sa.Column("is_staff", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_column("users", "is_staff")
    for column in ("confirmed_at", "confirmation_sent_at", "confirmation_claimed_until"):
        op.add_column("users", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE users SET confirmed_at = created_at")
    op.execute(
        "INSERT INTO users (id, email, password_hash, created_at, confirmation_sent_at,"
        " confirmation_claimed_until) SELECT id, email, password_hash, created_at, sent_at,"
        " claimed_until FROM links WHERE purpose = 'confirm' AND password_hash IS NOT NULL"
        " ON CONFLICT DO NOTHING"
    )
    op.drop_table("links")
