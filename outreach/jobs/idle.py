"""Whether a run has anything to do at all: asked first, since cron asks every few minutes and the answer is
nearly always no. Anything unusual counts as work, so that the full run says what is wrong.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path

from outreach.db.glance import Glance, glance, is_anything_old, is_digest_due
from outreach.errors import OutreachError
from outreach.imap import first_folder, open_mailbox
from outreach.jobs import accounts, retention
from outreach.jobs.digest_dates import readers
from outreach.model.states import WAITING_MESSAGE_STATES, CampaignState, MessageState
from outreach.settings import Workspace

#: db.engine.SCHEMA_VERSION, which cannot be imported without SQLAlchemy; a test keeps them the same.
SCHEMA_VERSION = "0011"


def nothing_to_do(workspace: Workspace, now: datetime) -> bool:
    """``True`` when nothing is due and no mailbox has anything new; ``False`` on PostgreSQL, unseen."""
    url = workspace.database_url
    if not url.startswith("sqlite:///"):
        return False
    try:
        path = Path(url.removeprefix("sqlite:///"))
        if retention.is_due(workspace, now) and is_anything_old(path, *retention.limits(workspace, now)):
            return False
        rows = [(one.scope, one.email.casefold(), one.period) for one in readers(workspace.settings, now)]
        if is_digest_due(path, rows, now):
            return False
        seen = glance(
            path,
            now,
            [str(state) for state in WAITING_MESSAGE_STATES],
            str(CampaignState.RUNNING),
            str(MessageState.SENDING),
            str(CampaignState.FINISHED),
        )
        return seen.version == SCHEMA_VERSION and not seen.work and not _has_news(workspace, seen)
    except (sqlite3.Error, OSError, OutreachError):
        return False


def _has_news(workspace: Workspace, seen: Glance) -> bool:
    for name, sender in workspace.settings.senders.items():
        if sender.imap is None or name not in seen.senders:
            continue
        folders = sender.imap.folders
        first = first_folder(folders)
        with open_mailbox(accounts.imap(workspace, name), first) as box:
            for folder in folders if folders == (first,) else box.chosen(folders):
                cursor, state = seen.cursors.get((name, folder)), box.look(folder)
                if cursor is None or cursor[0] != state.uidvalidity:
                    return True
                if not state.uidnext or state.uidnext > cursor[1] + 1:
                    return True
    return False
