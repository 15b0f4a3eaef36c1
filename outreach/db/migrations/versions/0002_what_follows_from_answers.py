"""What follows from answers: effects that can be taken back, proposed contacts, mails that answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "effect",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("inbound_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound_message.id"], name=op.f("fk_effect_inbound_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effect")),
    )
    op.create_index(op.f("ix_effect_inbound_id"), "effect", ["inbound_id"])
    op.create_index("ix_effect_kind_subject", "effect", ["kind", "subject"])
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("inbound_id", sa.Integer(), nullable=True),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("municipality_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("queued_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_proposal_contact_id")),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound_message.id"], name=op.f("fk_proposal_inbound_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_proposal_message_id")),
        sa.ForeignKeyConstraint(
            ["municipality_id"], ["municipality.id"], name=op.f("fk_proposal_municipality_id")
        ),
        sa.ForeignKeyConstraint(["queued_id"], ["message.id"], name=op.f("fk_proposal_queued_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_inbound_id"), "proposal", ["inbound_id"])
    op.create_index(op.f("ix_proposal_municipality_id"), "proposal", ["municipality_id"])
    # Not by a copy of the table, as Alembic does it for SQLite: other tables refer to its rows.
    op.execute(
        "ALTER TABLE message ADD COLUMN answers_id INTEGER"
        " CONSTRAINT fk_message_answers_id REFERENCES inbound_message (id)"
    )
    op.create_index(op.f("ix_message_answers_id"), "message", ["answers_id"])
    op.add_column("recipient", sa.Column("added_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("mailbox_cursor", sa.Column("modseq", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("mailbox_cursor", "modseq")
    op.drop_column("recipient", "added_at")
    with op.batch_alter_table("message") as message:
        message.drop_index(op.f("ix_message_answers_id"))
        message.drop_column("answers_id")
    op.drop_table("proposal")
    op.drop_table("effect")
