"""A draft of the answer to a message: threaded, greeted in the municipality's language, what it answers below."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from outreach.db import campaigns, inbox, mailbox
from outreach.db.engine import Database
from outreach.db.mailbox import Answered
from outreach.delivery.headers import clean_text
from outreach.errors import InputError, RefusedError
from outreach.imap import first_folder, open_mailbox
from outreach.inbound.parse import Parsed, parse
from outreach.jobs import accounts
from outreach.jobs.effects import reply_address
from outreach.jobs.frozen_content import thaw_strings
from outreach.settings import Sender, Workspace

_REPLY = re.compile(r"\s*(?:re|aw|sv|vs|antw|odp|r|ref|rif|tr|ynt|hv|svar)\s*(?:\[\d+\])?:\s*", re.IGNORECASE)
_MAX_QUOTED = 20_000  # characters


def draft(database: Database, workspace: Workspace, number: int, *, text: str, now: datetime) -> bytes:
    """The draft as a whole message. ``text`` is what the answer begins to say.

    Raises :class:`~outreach.errors.RefusedError` where there is no such message, or nobody to answer.
    """
    with database.read() as connection:
        message = inbox.inbound(connection, number)
        if message is None:
            raise RefusedError(
                f"There is no message {number}.", "`outreach inbox list --all` shows them all."
            )
        about = mailbox.matched(connection, number)
        greeting = _greeting(connection, about)
    parsed = parse(message["raw"]) if message["raw"] else None
    to = (reply_address(parsed) if parsed else None) or message["from_address"]
    if not to:
        raise RefusedError(f"Message {number} does not say who wrote it.", "Answer it in your mail program.")
    sender = workspace.settings.sender(message["sender"])
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(sender.display_name, sender.reply_address)
    mail["To"] = _address(parsed.from_name if parsed and to == parsed.from_address else "", to)
    mail["Subject"] = f"Re: {_REPLY.sub('', clean_text(message['subject'][:900]))}"
    mail["Date"] = format_datetime(now)
    domain = sender.reply_address.rpartition("@")[2]
    mail["Message-ID"] = f"<draft-{secrets.token_hex(12)}@{domain}>"
    if parsed is not None and parsed.message_id:
        mail["In-Reply-To"] = parsed.message_id
        mail["References"] = " ".join((*parsed.references[-20:], parsed.message_id))
    mail.set_content(_body(greeting, text, sender, message, parsed), cte="quoted-printable")
    return mail.as_bytes()


def put(workspace: Workspace, database: Database, number: int, raw: bytes) -> str:
    """Put the draft into the folder of drafts of the mailbox the message came to; returns the folder's name.

    Raises :class:`~outreach.errors.MailServerError` when that cannot be done.
    """
    with database.read() as connection:
        message = inbox.inbound(connection, number)
    assert message is not None, "a draft was made for it"
    settings = workspace.settings.sender(message["sender"]).imap
    folders = settings.folders if settings else ("INBOX",)
    with open_mailbox(accounts.imap(workspace, message["sender"]), first_folder(folders)) as box:
        return box.add_draft(raw)


def write(raw: bytes, path: Path) -> None:
    """The draft as a file. Raises ``InputError``; no file is overwritten."""
    try:
        with path.open("xb") as file:
            file.write(raw)
    except FileExistsError:
        raise InputError(f"{path} exists already.", "Name a file that does not exist yet.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", "Name another place.") from None


def _greeting(connection: sa.Connection, about: Answered | None) -> str:
    if about is None:
        return ""
    for row in campaigns.contents(connection, about.campaign_id):
        if row["language"] == about.language:
            return thaw_strings(row["strings"]).greeting(about.country)
    return ""


def _address(name: str, address: str) -> Address:
    try:
        return Address(clean_text(name[:900]), addr_spec=address)
    except (ValueError, IndexError):
        raise RefusedError(f"{address} cannot be written to.", "Answer it in your mail program.") from None


def _body(greeting: str, text: str, sender: Sender, message: Mapping[str, Any], parsed: Parsed | None) -> str:
    parts = [part for part in (greeting, text.strip() or "...", sender.display_name) if part]
    quoted = (parsed.text or "")[:_MAX_QUOTED].strip() if parsed else ""
    if quoted:
        when = f"{parsed.date:%Y-%m-%d %H:%M}, " if parsed and parsed.date else ""
        lines = "\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))
        parts.append(f"{when}{message['from_address'] or ''}:\n{lines}")
    return "\n\n".join(parts) + "\n"
