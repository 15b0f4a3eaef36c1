"""Budgets of senders that all runs share, their pace, and since when guardrails count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sender_window",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sender", "seconds", name=op.f("pk_sender_window")),
    )
    op.create_table(
        "sender_line",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sender", "run", name=op.f("pk_sender_line")),
    )
    op.create_table(
        "domain_use",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "domain", "at", name=op.f("pk_domain_use")),
    )
    op.add_column("sender_pause", sa.Column("strikes", sa.Float(), server_default="0", nullable=False))
    op.add_column("campaign", sa.Column("guarded_from", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("campaign", "guarded_from")
    op.drop_column("sender_pause", "strikes")
    op.drop_table("domain_use")
    op.drop_table("sender_line")
    op.drop_table("sender_window")
