"""The numbers of reports, kept current: what changed is noted by triggers, in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Each: table, event, columns that matter, when, whose municipalities. {new} is NEW or OLD.
_OF_MAIL = (
    "SELECT municipality_id FROM recipient WHERE id = {new}.recipient_id OR named_by = {new}.recipient_id"
)
_OF_ROW = "SELECT {new}.municipality_id WHERE {new}.municipality_id IS NOT NULL"
_OF_SUPPRESSION = (
    "SELECT municipality_id FROM contact WHERE {new}.scope = 'address' AND email_key = {new}.address"
    " UNION ALL SELECT municipality_id FROM contact"
    " WHERE {new}.scope = 'domain' AND email_key LIKE '%@' || {new}.address"
    " UNION ALL SELECT id FROM municipality"
    " WHERE {new}.scope = 'municipality' AND name || ' (' || country || ')' = {new}.address"
)
# What a report makes no difference between does not make a municipality stale.
_WAITS = "({0}.state IN ('queued', 'sending', 'deferred'))"
# The sending of a mail is known from its message.
_COUNTS = "{new}.kind NOT IN ('sent', 'failed')"

_SOURCES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("message", _OF_MAIL, ("state", "recipient_id"), ""),
    ("recipient", _OF_ROW, ("municipality_id", "excluded", "named_by", "variant", "contact_id"), ""),
    ("engagement", _OF_ROW, ("municipality_id", "recipient_id", "message_id", "undone_at"), _COUNTS),
    ("registration", _OF_ROW, ("municipality_id", "state", "progress"), ""),
    ("attendance", _OF_ROW, ("municipality_id", "state"), ""),
    ("contact", _OF_ROW, ("municipality_id", "email_key", "gone_at"), ""),
    (
        "municipality",
        "SELECT {new}.id",
        ("country", "population", "nuts", "degurba", "region", "time_zone"),
        "",
    ),
    ("suppression", _OF_SUPPRESSION, ("address", "scope", "key"), ""),
)


def _statements(dialect: str) -> Iterator[tuple[str, str]]:
    """Name and SQL of each trigger."""
    for table, whose, columns, only in _SOURCES:
        for event in ("insert", "update", "delete"):
            new = "OLD" if event == "delete" else "NEW"
            stale = f"INSERT INTO report_stale (municipality_id) {whose.format(new=new)}"
            if event == "update" and table != "message":  # where it was, too
                stale += f"; INSERT INTO report_stale (municipality_id) {whose.format(new='OLD')}"
            conditions = [only.format(new=new)] if only else []
            if event == "update":
                different = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
                changed = [f"OLD.{column} {different} NEW.{column}" for column in columns]
                if table == "message":
                    both = f"{_WAITS.format('OLD')} AND {_WAITS.format('NEW')}"
                    changed[0] = f"({changed[0]} AND NOT ({both}))"
                conditions.append(f"({' OR '.join(changed)})")
            when = f" WHEN ({' AND '.join(conditions)})" if conditions else ""
            name = f"report_{table}_{event}"
            at = f"AFTER {event.upper()}{' OF ' + ', '.join(columns) if event == 'update' else ''} ON {table}"
            if dialect == "sqlite":
                yield name, f"CREATE TRIGGER {name} {at} FOR EACH ROW{when} BEGIN {stale}; END"
            else:
                yield (
                    name,
                    f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
                    f" $$ BEGIN {stale}; RETURN NULL; END $$",
                )
                yield name, f"CREATE TRIGGER {name} {at} FOR EACH ROW{when} EXECUTE FUNCTION {name}()"


def upgrade() -> None:
    op.create_table(
        "report_stale",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("municipality_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_stale")),
    )
    op.create_index(op.f("ix_report_stale_municipality_id"), "report_stale", ["municipality_id", "id"])
    op.create_table(
        "report_place",
        sa.Column("municipality_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("municipality_id", name=op.f("pk_report_place")),
    )
    op.create_table(
        "report_number",
        sa.Column("selection", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("cut", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("pattern", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "selection", "unit", "cut", "value", "country", "pattern", name=op.f("pk_report_number")
        ),
    )
    op.add_column("registration", sa.Column("progress", sa.String(length=24), nullable=True))
    op.add_column("recipient", sa.Column("variant", sa.String(length=1), nullable=True))
    dialect = op.get_context().dialect.name
    for _name, statement in _statements(dialect):
        op.execute(statement)
    op.execute("INSERT INTO report_stale (municipality_id) SELECT id FROM municipality")


def downgrade() -> None:
    dialect = op.get_context().dialect.name
    for name in dict.fromkeys(name for name, _statement in _statements(dialect)):
        table = name.removeprefix("report_").rpartition("_")[0]
        op.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if dialect != "sqlite" else ""))
        if dialect != "sqlite":
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_column("recipient", "variant")
    op.drop_column("registration", "progress")
    op.drop_table("report_number")
    op.drop_table("report_place")
    op.drop_table("report_stale")
