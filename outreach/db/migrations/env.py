"""Run by Alembic: the connection comes from ``db.upgrade``."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

import outreach.model.tables  # noqa: F401  (fills the metadata)

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
