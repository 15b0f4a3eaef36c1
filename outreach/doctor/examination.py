"""All checks, in the order in which one fault explains the next."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outreach import settings
from outreach.doctor import domain, machine, probe, servers
from outreach.doctor.findings import Finding, ok, raised
from outreach.doctor.names import Names
from outreach.errors import InputError, OutreachError
from outreach.settings import Sender, Workspace


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to look at, and how far to go."""

    senders: Sequence[str] = ()  # empty: all
    selectors: Sequence[str] = ()  # of DKIM
    resolver: str | None = None  # address of a DNS server; None: this machine's
    offline: bool = False  # nothing leaves this machine
    probe: bool = False  # send one mail from each sender to itself


def examine(folder: Path, wishes: Wishes, now: Callable[[], datetime]) -> Iterator[Finding]:
    """Look at everything, and tell of each thing as soon as it is known. Changes nothing.

    Raises :class:`~outreach.errors.InputError` for a wish that cannot be one, and
    :class:`~outreach.errors.SettingsError` when ``folder`` is in no workspace or there is no such sender.
    """
    if wishes.offline and wishes.probe:
        raise InputError("--probe sends a mail, and --offline forbids it.", "Leave out one of them.")
    root = settings.find_root(folder.resolve())
    names = None if wishes.offline else Names(wishes.resolver)
    try:
        workspace = settings.load(folder)
    except OutreachError as problem:
        yield raised("settings", problem)
        yield from machine.check_files(root, None)
        return
    chosen = {name: workspace.settings.sender(name) for name in wishes.senders} or workspace.settings.senders
    yield ok("workspace", str(root))
    yield from machine.check_campaigns(workspace)
    yield from machine.check_files(root, _file(workspace))
    yield from machine.check_database(workspace, now())
    if names is None:
        return
    for name, sender in chosen.items():
        yield from _sender(names, name, sender, wishes, now)


def _sender(
    names: Names, name: str, sender: Sender, wishes: Wishes, now: Callable[[], datetime]
) -> Iterator[Finding]:
    own = sender.address.rpartition("@")[2].lower()
    yield from domain.check_domain(
        names,
        sender=name,
        domain=own,
        envelope=own,  # jobs.press: the address of From is that of the envelope
        replies=sender.reply_address.rpartition("@")[2].lower(),
        smtp_host=sender.smtp.host,
        selectors=wishes.selectors,
    )
    yield from servers.check_smtp(name, sender, now())
    yield from servers.check_imap(name, sender, now())
    if wishes.probe:
        yield from probe.check_plus_address(name, sender, f"probe-{secrets.token_hex(8)}", now)


def _file(workspace: Workspace) -> Path | None:
    """The SQLite file."""
    url = workspace.database_url
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
