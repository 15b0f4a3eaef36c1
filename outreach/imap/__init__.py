"""The gateway to a mailbox: read what came, change nothing; a draft is all it ever adds.

Every failure leaves here as :class:`outreach.errors.MailServerError`, with a sentence and a remedy.
"""

from __future__ import annotations

from outreach.imap.account import Account, Security
from outreach.imap.mailbox import (
    BATCH_BYTES,
    IDLE_SECONDS,
    Fetched,
    FolderState,
    Mailbox,
    OtherFolders,
    first_folder,
)
from outreach.imap.opening import open_mailbox

__all__ = [
    "BATCH_BYTES",
    "IDLE_SECONDS",
    "Account",
    "Fetched",
    "FolderState",
    "Mailbox",
    "OtherFolders",
    "Security",
    "first_folder",
    "open_mailbox",
]
