"""A sender's two mail servers: whether they let us in, and what they offer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from outreach import imap, smtp
from outreach.doctor.findings import Finding, error, ok, raised, warning
from outreach.errors import OutreachError
from outreach.jobs import accounts
from outreach.settings import Workspace

#: A certificate that ends sooner than this should be in somebody's hands already.
_FEW_DAYS = 14

_EXTENSIONS = ("PIPELINING", "8BITMIME", "SIZE", "SMTPUTF8")


def check_smtp(workspace: Workspace, name: str, now: datetime) -> Iterator[Finding]:
    """Connect, TLS, sign in."""
    sender = workspace.settings.sender(name)
    looked_at = f"SMTP {sender.smtp.host}:{sender.smtp.port}"
    try:
        visited = smtp.visit(accounts.smtp(workspace, name))
    except OutreachError as problem:
        yield raised(looked_at, problem, sender=name)
        return
    offered = [one for one in _EXTENSIONS if one in visited.extensions]
    signed_in = f"signed in as {sender.smtp.username}" if sender.smtp.username else "no sign-in asked for"
    yield ok(looked_at, f"{signed_in}; offers {', '.join(offered) or 'no extension'}", sender=name)
    if "8BITMIME" not in visited.extensions:
        yield warning(
            looked_at,
            "it does not offer 8BITMIME, so mails go in a longer form",
            "Nothing has to be done; ask the provider if the mails grow too large.",
            sender=name,
        )
    yield from _certificate(looked_at, visited.certificate_ends, now, name)
    if sender.smtp.security == "plain":
        yield ok(looked_at, "without encryption, on this machine only", sender=name)


def check_imap(workspace: Workspace, name: str, now: datetime) -> Iterator[Finding]:
    """Sign in, each folder, the Sent folder, what makes reading quick."""
    sender = workspace.settings.sender(name)
    if sender.imap is None:
        yield warning(
            "IMAP",
            "no mailbox is read for this sender: answers, bounces and unsubscribes stay unseen",
            f"Add a section [senders.{name}.imap].",
            sender=name,
        )
        return
    looked_at = f"IMAP {sender.imap.host}:{sender.imap.port}"
    first = True
    for folder in sender.imap.folders:
        try:
            with imap.open_mailbox(accounts.imap(workspace, name), folder) as box:
                told = f"folder {folder}, UIDVALIDITY {box.uidvalidity}"
                if not box.uidnext:
                    told += "; no UIDNEXT, so each run searches"
                yield ok(looked_at, f"signed in as {sender.imap.username}; {told}", sender=name)
                if first:
                    yield from _offers(looked_at, box, now, name)
                    first = False
        except OutreachError as problem:
            yield raised(looked_at, problem, sender=name)
            if first:
                return


def _offers(looked_at: str, box: imap.Mailbox, now: datetime, name: str) -> Iterator[Finding]:
    sent = box.sent_folder()
    if sent is None:
        yield warning(
            looked_at,
            "no Sent folder, so that uncertain mails cannot be looked up there",
            "Nothing has to be done; settle uncertain mails with `outreach messages settle`.",
            sender=name,
        )
    else:
        yield ok(looked_at, f"the Sent folder is {sent}", sender=name)
    offered = [one for one in ("IDLE", "CONDSTORE") if one in box.capabilities()]
    yield ok(looked_at, f"offers {' and '.join(offered) or 'neither IDLE nor CONDSTORE'}", sender=name)
    yield from _certificate(looked_at, box.certificate_ends(), now, name)


def _certificate(looked_at: str, ends: datetime | None, now: datetime, name: str) -> Iterator[Finding]:
    if ends is None:
        return
    days = (ends - now).days
    if ends <= now:  # the server was let in by a clock that differs from ours
        yield error(looked_at, f"its certificate ended on {ends:%Y-%m-%d}", "Have it renewed.", sender=name)
    elif days < _FEW_DAYS:
        yield warning(
            looked_at,
            f"its certificate ends on {ends:%Y-%m-%d}, in {days} days",
            "Ask who runs the server whether it is renewed in time.",
            sender=name,
        )
    else:
        yield ok(looked_at, f"TLS; its certificate is good for {days} days", sender=name)
