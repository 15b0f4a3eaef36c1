"""All checks, in the order in which one fault explains the next."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outreach import settings
from outreach.doctor import answers, domain, limits, machine, probe, servers
from outreach.doctor.findings import Finding, ok, raised
from outreach.doctor.names import Names
from outreach.errors import InputError, OutreachError
from outreach.jobs import signing
from outreach.settings import Workspace


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
    yield from machine.check_files(root, _file(workspace), _key_files(workspace))
    yield from machine.check_database(workspace, now())
    if names is None:
        for name in chosen:
            yield from limits.check_limits(workspace, name, now())
        return
    for name in chosen:
        yield from _sender(names, workspace, name, wishes, now)


def _sender(
    names: Names, workspace: Workspace, name: str, wishes: Wishes, now: Callable[[], datetime]
) -> Iterator[Finding]:
    sender = workspace.settings.sender(name)
    keys, problem = published_keys(workspace, name)
    if problem is not None:
        yield problem
    own = sender.address.rpartition("@")[2].lower()
    yield from domain.check_domain(
        names,
        sender=name,
        domain=own,
        envelope=own,  # jobs.press: the address of From is that of the envelope
        replies=sender.reply_address.rpartition("@")[2].lower(),
        smtp_host=sender.smtp.host,
        selectors=wishes.selectors,
        keys=keys,
    )
    yield from limits.check_limits(workspace, name, now())
    yield from servers.check_smtp(workspace, name, now())
    yield from servers.check_imap(workspace, name, now())
    yield from answers.check_pages(workspace, name)
    if wishes.probe:
        yield from probe.check_plus_address(workspace, name, f"probe-{secrets.token_hex(8)}", now)


def published_keys(workspace: Workspace, name: str) -> tuple[list[domain.Published], Finding | None]:
    """Where the public halves of the keys a sender signs with should stand."""
    dkim = workspace.settings.sender(name).dkim
    try:
        signer = signing.signer(workspace, name)
    except OutreachError as problem:
        return [], raised("DKIM", problem, sender=name)
    if dkim is None or signer is None:
        return [], None
    return [
        domain.Published(key.place(signer.domain), signer.domain, key.record) for key in signer.keys
    ], None


def _key_files(workspace: Workspace) -> list[Path]:
    """The private keys of DKIM."""
    keys = [
        key
        for sender in workspace.settings.senders.values()
        if sender.dkim is not None
        for key in (sender.dkim, sender.dkim.second)
    ]
    return [workspace.file(key.key_file) for key in keys if key is not None and key.key_file is not None]


def _file(workspace: Workspace) -> Path | None:
    """The SQLite file."""
    url = workspace.database_url
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
