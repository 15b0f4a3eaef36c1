"""Answers given on a page instead of by mail. Each becomes the very mail that the prefilled link would have opened
and takes the road of every mail: kept, matched, read, put into effect, shown in the inbox, to be taken back there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime

from outreach.campaign import frozen
from outreach.content.catalog import Answer, Strings
from outreach.content.dates import session_values
from outreach.db import answer_pages, campaigns, mailbox
from outreach.db.engine import Database
from outreach.db.mailbox import Answered
from outreach.delivery import tokens
from outreach.delivery.headers import clean_text
from outreach.errors import InputError, MailServerError
from outreach.jobs.frozen_content import thaw_strings
from outreach.jobs.poll_inbox import WEB_PAGE, receive
from outreach.settings import Workspace

#: What a person may write: characters of a name, and of the words besides.
MOST_NAME, MOST_WORDS = 200, 4_000

#: So many answers to one mail; more is a program.
_MOST_ANSWERS = 30

#: A run may be about to write down that the mail was sent: seconds between looks, and how often.
_PATIENCE, _LOOKS = 0.5, 6


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page shows to whom got a mail."""

    sender: str  # as it is shown in From
    colour: str  # of the sender; may be empty
    municipality: str
    strings: Strings
    session: dict[str, object]  # content.dates.session_values; empty: there is none
    names: tuple[str, ...]  # of the answers, in the order they are offered in


def offer(workspace: Workspace, database: Database, token: str, language: str = "") -> Offer | None:
    """What can be answered to the mail of ``token``, in ``language`` where its mail holds that one, else in the
    mail's first. ``None`` where no mail of ours that was sent has this token."""
    found = _found(workspace, database, token, language)
    if found is None:
        return None
    name, about, strings = found
    with database.read() as connection:
        campaign = campaigns.by_id(connection, about.campaign_id)
    definition = frozen.thaw(campaign.definition)
    session = definition.session_in(strings.code)
    hybrid = session is not None and bool(session.place and session.online)
    sender = workspace.settings.senders[name]
    return Offer(
        sender.display_name,
        sender.colour,
        about.municipality,
        strings,
        session_values(session, strings.code) if session is not None else {},
        (*(("in_person", "online") if hybrid else ("yes",)), "no", "question", "other_office"),
    )


def answer(
    workspace: Workspace,
    database: Database,
    token: str,
    name: str,
    now: Callable[[], datetime],
    *,
    language: str = "",
    person: str = "",
    words: str = "",
) -> bool:
    """Take the answer ``name`` (a key of ``Strings.answers``) to the mail of ``token``. ``False`` where no mail of
    ours has this token, or there is no such answer. The same answer twice in a row counts once.

    :raises MailServerError: try again in a moment.
    :raises InputError: there are too many answers to this mail.
    """
    found = _found(workspace, database, token, language)
    if found is None or name not in found[2].answers:
        return False
    sender, about, strings = found
    chosen = strings.answers[name]
    with database.read() as connection:
        last = answer_pages.last_of(connection, sender, WEB_PAGE, about.message_id)

    def mail(at: datetime) -> bytes:
        to = workspace.settings.senders[sender].reply_address
        return _mail(about, to, chosen, token.lower(), person, words, at)

    number = 1
    if last is not None:
        number, at, digest = last[0] + 1, last[1], last[2]
        if hashlib.sha256(mail(at)).hexdigest() == digest:
            return True
        if number > _MOST_ANSWERS:
            raise InputError("There are very many answers to this mail already.", "Write a mail instead.")
    moment = now()
    raw = mail(moment)
    for look in range(_LOOKS):
        try:
            receive(workspace, database, sender, about.message_id, number, raw, lambda: moment)
            return True
        except MailServerError:
            if look == _LOOKS - 1:
                raise
            time.sleep(_PATIENCE)
    raise AssertionError("the last look raises")


def _found(
    workspace: Workspace, database: Database, token: str, language: str
) -> tuple[str, Answered, Strings] | None:
    """The sender and the message of a token that we issued, and the words of its mail: of one in two languages those
    of ``language``. The database is asked about no other token."""
    if not tokens.verify(workspace.key, token):
        return None
    with database.read() as connection:
        sender = answer_pages.sender_of(connection, token.lower())
        if sender is None or sender not in workspace.settings.senders:
            return None
        found = mailbox.messages_by(connection, sender, "token", [token.lower()])
        if not found or "@" not in found[0].email:  # erased since
            return None
        words = answer_pages.strings(connection, found[0].campaign_id, found[0].language)
    if words is None:
        return None
    strings = thaw_strings(words)
    second = strings.second
    return sender, found[0], second if second is not None and second.code == language else strings


def _mail(
    about: Answered, to: str, chosen: Answer, token: str, person: str, words: str, at: datetime
) -> bytes:
    message = EmailMessage(policy=SMTPUTF8)
    user, _, domain = about.email.rpartition("@")
    message["Date"] = format_datetime(at.replace(microsecond=0))
    message["From"] = Address(clean_text(person[:MOST_NAME]), user, domain)
    message["To"] = to
    message["Subject"] = f"{chosen.subject} [{token}]"
    message["X-Outreach-Answer"] = "given on the answer page"
    own = words[:MOST_WORDS].replace("\r\n", "\n").replace("\0", "").strip()
    message.set_content("\n\n".join(filter(None, (own, chosen.body, token))), cte="base64")
    return bytes(message)
