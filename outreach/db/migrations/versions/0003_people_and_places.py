"""Official lists of municipalities, what lists leave in doubt, and where each contact is from."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _of_municipality() -> list[sa.Column[Any]]:
    return [
        sa.Column("names", sa.String(), nullable=False, server_default=""),
        sa.Column("nuts", sa.String(), nullable=True),
        sa.Column("degurba", sa.Integer(), nullable=True),
        sa.Column("official_list", sa.String(), nullable=True),
        sa.Column("official_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("import_id", sa.Integer(), nullable=True),
    ]


def _of_contact() -> list[sa.Column[Any]]:
    return [
        sa.Column("import_id", sa.Integer(), nullable=True),
        sa.Column("legal_basis", sa.String(), nullable=False, server_default=""),
        sa.Column("edited", sa.String(), nullable=False, server_default=""),
    ]


def upgrade() -> None:

    op.create_table(
        "contact_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("legal_basis", sa.String(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_import")),
    )
    op.create_table(
        "contact_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("municipality_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["contact_import.id"], name=op.f("fk_contact_change_import_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_change")),
    )
    op.create_index(op.f("ix_contact_change_import_id"), "contact_change", ["import_id"])
    op.create_index(op.f("ix_contact_change_contact_id"), "contact_change", ["contact_id"])
    op.create_table(
        "place_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("target", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_question")),
        sa.UniqueConstraint("country", "key", name=op.f("uq_place_question_country_key")),
    )
    for column in _of_municipality():
        op.add_column("municipality", column)
    for column in _of_contact():
        op.add_column("contact", column)
    op.create_index(op.f("ix_contact_import_id"), "contact", ["import_id"])
    op.add_column("recipient", sa.Column("addressed_as", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("recipient", "addressed_as")
    op.drop_index(op.f("ix_contact_import_id"), "contact")
    for column in _of_contact():
        op.drop_column("contact", column.name)
    for column in _of_municipality():
        op.drop_column("municipality", column.name)
    for table in ("place_question", "contact_change", "contact_import"):
        op.drop_table(table)
