"""A mail for each of the municipalities that share an address, where a campaign wants it so; and whose mail names a
municipality that gets none of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BEFORE = ["campaign_id", "step", "email_key"]


def upgrade() -> None:
    with op.batch_alter_table("message") as message:
        message.add_column(sa.Column("for_place", sa.String(), server_default="", nullable=False))
        message.drop_constraint(op.f("uq_message_campaign_id_step_email_key"), type_="unique")
        message.create_unique_constraint(
            op.f("uq_message_campaign_id_step_email_key_for_place"), [*_BEFORE, "for_place"]
        )
    # Not by a copy of the table, as other tables refer to its rows; this one needs none.
    op.execute(
        "ALTER TABLE recipient ADD COLUMN named_by INTEGER"
        " CONSTRAINT fk_recipient_named_by REFERENCES recipient (id)"
    )
    op.create_index(op.f("ix_recipient_named_by"), "recipient", ["named_by"])


def downgrade() -> None:
    with op.batch_alter_table("recipient") as recipient:
        recipient.drop_index(op.f("ix_recipient_named_by"))
        recipient.drop_column("named_by")
    with op.batch_alter_table("message") as message:
        message.drop_constraint(op.f("uq_message_campaign_id_step_email_key_for_place"), type_="unique")
        message.create_unique_constraint(op.f("uq_message_campaign_id_step_email_key"), _BEFORE)
        message.drop_column("for_place")
