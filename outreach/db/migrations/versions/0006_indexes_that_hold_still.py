"""Indexes of the outbox that a message enters and leaves once: what waits, in the order it goes, and what is being
sent. Before, each claim sorted all that was waiting, and each move of a message rewrote its place in the index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_message_due", "message")
    _index("ix_message_waiting", "message", ["sender", "due_at", "id"], "state IN ('deferred', 'queued')")
    _index("ix_message_sending", "message", ["sender"], "state = 'sending'")
    op.drop_index("ix_engagement_inbound_id", "engagement")
    _index("ix_engagement_inbound_id", "engagement", ["inbound_id"], "inbound_id IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_engagement_inbound_id", "engagement")
    op.create_index("ix_engagement_inbound_id", "engagement", ["inbound_id"])
    op.drop_index("ix_message_sending", "message")
    op.drop_index("ix_message_waiting", "message")
    op.create_index("ix_message_due", "message", ["sender", "state", "due_at"])


def _index(name: str, table: str, columns: list[str], only: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(only), postgresql_where=sa.text(only))
