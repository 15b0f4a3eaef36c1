"""Suppressing by hand."""

from __future__ import annotations

from datetime import datetime

from outreach.contacts.addresses import checked
from outreach.db import directory, mailbox
from outreach.db.engine import Database
from outreach.delivery import tokens
from outreach.errors import InputError
from outreach.model.states import SuppressionReason, SuppressionScope
from outreach.settings import Workspace


def suppress(workspace: Workspace, database: Database, what: str, *, now: datetime, actor: str) -> bool:
    """Never write to the address or domain ``what`` again; ``False`` when that stood already.

    Raises :class:`~outreach.errors.InputError` when it is neither.
    """
    text = what.strip().casefold()
    scope = SuppressionScope.ADDRESS if "@" in text else SuppressionScope.DOMAIN
    if checked(text if scope is SuppressionScope.ADDRESS else f"info@{text}") is None:
        raise InputError(
            f"{what!r} is neither a mail address nor a domain.",
            "Write it like info@gemeente.example or gemeente.example.",
        )
    with database.write() as connection:
        new = mailbox.suppress(
            connection,
            key=tokens.suppression_key(workspace.key, text),
            scope=scope,
            address=text,
            reason=SuppressionReason.MANUAL,
            source=actor,
            now=now,
        )
        directory.note(
            connection, actor=actor, action="suppress.add", subject=text, detail=str(scope), now=now
        )
    return new
