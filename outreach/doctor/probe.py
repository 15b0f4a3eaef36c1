"""Whether a mailbox gets what is sent to name+something@domain: only trying it can tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime

from outreach import imap, smtp
from outreach.delivery.replies import Stage
from outreach.doctor.findings import Finding, ok, raised, warning
from outreach.errors import OutreachError
from outreach.inbound.classify import classify
from outreach.inbound.parse import parse
from outreach.jobs import accounts
from outreach.model.states import InboundKind, OutcomeKind
from outreach.model.values import Outcome
from outreach.settings import Sender, Workspace

SECONDS = 30.0
_PAUSE = 1.0
_CLOCK = timedelta(minutes=2)


def check_plus_address(
    workspace: Workspace,
    name: str,
    token: str,
    now: Callable[[], datetime],
    *,
    seconds: float = SECONDS,
) -> Iterator[Finding]:
    """Send one mail from the sender to itself at its address with ``+token``, and wait for it in its mailbox.

    ``token`` is new each time and made of letters, digits and hyphens.
    """
    sender = workspace.settings.sender(name)
    local, _, domain = sender.reply_address.rpartition("@")
    address = f"{local}+{token}@{domain}"
    looked_at = f"plus address {local}+...@{domain}"
    if sender.imap is None:
        return
    try:
        account = accounts.imap(workspace, name)
        before = {folder: _last(account, folder) for folder in sender.imap.folders}
        sent_at = now()
        outcome = _send(workspace, name, address, token, sent_at)
        said = " ".join(part for part in (str(outcome.code or ""), outcome.text) if part)
        if outcome.kind is OutcomeKind.REFUSED and outcome.stage == Stage.RCPT:
            yield _advise(name, sender, looked_at, works=False, why=f"the server refused it: {said}")
            return
        if outcome.kind is not OutcomeKind.ACCEPTED:
            yield warning(
                looked_at,
                f"the server did not take the mail, so it is not known: {said}",
                "Try again later.",
                sender=name,
            )
            return
        found = _wait(account, before, token, seconds)
    except OutreachError as problem:
        yield raised(looked_at, problem, sender=name)
        return
    if found is None:
        why = f"the mail did not arrive within {seconds:g} seconds"
        yield _advise(name, sender, looked_at, works=False, why=why)
        return
    verdict = classify(parse(found.raw))
    if verdict.kind is InboundKind.BOUNCE:
        yield _advise(name, sender, looked_at, works=False, why="the mail came back")
        return
    yield _advise(name, sender, looked_at, works=True, why="the mail arrived")
    off = found.internal_date - sent_at
    if not -_CLOCK < off < _CLOCK + timedelta(seconds=seconds):
        yield warning(
            "clock",
            f"the mail server {sender.imap.host} dated the mail {abs(off).total_seconds():,.0f} seconds "
            f"{'later' if off > timedelta() else 'earlier'} than this machine sent it",
            "Set the clock of this machine by network time (NTP).",
            sender=name,
        )


def _advise(name: str, sender: Sender, looked_at: str, *, works: bool, why: str) -> Finding:
    word = str(works).lower()
    if works == sender.plus_addressing:
        return ok(looked_at, f"{why}; plus_addressing = {word} is right", sender=name)
    gain = (
        "Answers are then matched more surely"
        if works
        else "Answers would go to an address that does not work"
    )
    return warning(
        looked_at,
        f"{why}, and plus_addressing is {str(not works).lower()}",
        f"Write plus_addressing = {word} into [senders.{name}]. {gain}.",
        sender=name,
    )


def _send(workspace: Workspace, name: str, address: str, token: str, now: datetime) -> Outcome:
    sender = workspace.settings.sender(name)
    letter = EmailMessage(policy=policy.SMTP)
    letter["From"] = sender.address
    letter["To"] = address
    letter["Subject"] = f"Outreach looks whether this address works ({token})"
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{token}@{sender.address.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content("`outreach doctor --probe` has sent this to itself. It may be deleted.\n")
    mail = smtp.Mail(0, sender.address, address, letter.as_bytes())
    return smtp.send_unrecorded(accounts.smtp(workspace, name), [mail])[0]


def _last(account: imap.Account, folder: str) -> tuple[int, int]:
    """UIDVALIDITY and the last UID so far; (0, 0) where the server does not say."""
    with imap.open_mailbox(account, folder) as box:
        return box.uidvalidity, max(box.uidnext - 1, 0)


def _wait(
    account: imap.Account, before: dict[str, tuple[int, int]], token: str, seconds: float
) -> imap.Fetched | None:
    end = time.monotonic() + seconds
    while True:
        for folder, (uidvalidity, last) in before.items():
            with imap.open_mailbox(account, folder) as box:
                for fetched in box.since(last if box.uidvalidity == uidvalidity else 0):
                    if token.encode() in fetched.raw.lower():
                        return fetched
        if time.monotonic() > end:
            return None
        time.sleep(_PAUSE)
