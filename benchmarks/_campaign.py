"""A workspace with one launched campaign, as the benchmarks send it: LORDIMAS in Greece, made-up municipalities."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from outreach import settings
from outreach.db.engine import Database
from outreach.db.upgrade import upgrade
from outreach.jobs.check_campaign import check
from outreach.jobs.import_contacts import import_contacts
from outreach.jobs.launch_campaign import launch
from outreach.jobs.workspace import create
from outreach.settings import Workspace

#: A Tuesday morning, no holiday in Greece: the send window is open.
MORNING = datetime(2027, 3, 2, 9, tzinfo=UTC)
SENDER = "mine"

_SENDER = """
[senders.mine]
from = "Δίκτυο Δήμων <diktyo@kede.example>"
controller = "Δίκτυο Δήμων"
postal_address = "Πλατεία 1, 101 00 Αθήνα"
privacy_url = "https://kede.example/privacy"
countries = ["GR"]

[senders.mine.smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "plain"

[senders.mine.limits]
connections = {connections}
per_minute = 1000000
per_day = 1000000
"""
_MAILBOX = """
[senders.mine.imap]
host = "127.0.0.1"
port = {imap_port}
security = "plain"
username = "diktyo@kede.example"
password = "benchmark"
"""


def launched(
    folder: Path,
    recipients: int,
    *,
    now: datetime = MORNING,
    smtp_port: int = 9,
    imap_port: int | None = None,
    connections: int = 10,
) -> tuple[Workspace, Database]:
    """A new workspace in ``folder`` whose campaign has an invitation to each of ``recipients`` due at ``now``."""
    create(folder)
    with (folder / "outreach.toml").open("a", encoding="utf-8") as file:
        file.write(_SENDER.format(smtp_port=smtp_port, connections=connections))
        if imap_port is not None:
            file.write(_MAILBOX.format(imap_port=imap_port))
    workspace = settings.load(folder)
    upgrade(workspace.database_url)
    database = Database(workspace.database_url)
    list_ = folder / "dimoi.csv"
    rows = "".join(
        f"Δήμος Αγίας Θάλασσας {number};Κρήτη;info@thalassa{number}.example;Γεωργία Παπαδάκη\n"
        for number in range(recipients)
    )
    list_.write_text(f"Δήμος;Περιφέρεια;E-mail;Υπεύθυνος\n{rows}", encoding="utf-8")
    import_contacts(workspace, database, list_, country="GR", now=now, actor="benchmark", apply=True)
    checked = check(workspace, database, "lordimas", "GR", now=now, actor="benchmark")
    if not checked.passed:
        raise RuntimeError(str(checked.findings))
    done = launch(workspace, database, "lordimas", "GR", now=now, actor="benchmark", do_it=True)
    if done.mails != recipients:
        raise RuntimeError(f"{done.mails} mails instead of {recipients}")
    return workspace, database
