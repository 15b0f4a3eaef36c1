"""How many mails of a campaign are in which state is counted in an index, not in the rows; the state leaves the index
by recipient, in which each move of a mail rewrote a place of its own."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_message_recipient_step", "message")
    op.create_index("ix_message_recipient_step", "message", ["recipient_id", "step"])
    op.create_index("ix_message_campaign_state", "message", ["campaign_id", "step", "state"])


def downgrade() -> None:
    op.drop_index("ix_message_campaign_state", "message")
    op.drop_index("ix_message_recipient_step", "message")
    op.create_index("ix_message_recipient_step", "message", ["recipient_id", "step", "state"])
