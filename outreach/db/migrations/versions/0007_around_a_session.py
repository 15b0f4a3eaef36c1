"""Around a session: mails to those who take part, who was there, and what it cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("message", "content"):
        op.add_column(
            table, sa.Column("for_session", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_table(
        "attendance_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_attendance_list_campaign_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_list")),
    )
    op.create_index(op.f("ix_attendance_list_campaign_id"), "attendance_list", ["campaign_id"])
    op.create_table(
        "attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("municipality_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("person_key", sa.String(), nullable=False),
        sa.Column("presence", sa.String(length=24), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("known_by", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("says", sa.String(), nullable=True),
        sa.Column("likely_id", sa.Integer(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_attendance_campaign_id")),
        sa.ForeignKeyConstraint(["likely_id"], ["municipality.id"], name=op.f("fk_attendance_likely_id")),
        sa.ForeignKeyConstraint(["list_id"], ["attendance_list.id"], name=op.f("fk_attendance_list_id")),
        sa.ForeignKeyConstraint(
            ["municipality_id"], ["municipality.id"], name=op.f("fk_attendance_municipality_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint("list_id", "person_key", name=op.f("uq_attendance_list_id_person_key")),
    )
    op.create_index("ix_attendance_campaign_municipality", "attendance", ["campaign_id", "municipality_id"])
    op.create_table(
        "cost",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_cost_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cost")),
    )
    op.create_index(op.f("ix_cost_campaign_id"), "cost", ["campaign_id"])


def downgrade() -> None:
    op.drop_table("cost")
    op.drop_table("attendance")
    op.drop_table("attendance_list")
    for table in ("content", "message"):
        op.drop_column(table, "for_session")
