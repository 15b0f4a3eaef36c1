"""A workspace with one launched campaign, as the benchmarks send it: LORDIMAS in Greece, made-up municipalities."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from outreach import settings
from outreach.db.engine import Database
from outreach.db.outbox import Due
from outreach.db.upgrade import upgrade
from outreach.jobs.check_campaign import check
from outreach.jobs.import_contacts import import_contacts
from outreach.jobs.launch_campaign import launch
from outreach.jobs.press import Press
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
{smtp}

[senders.mine.limits]
connections = {connections}
per_minute = 1000000
per_day = 10000000
"""
_MAILBOX = """
[senders.mine.imap]
host = "127.0.0.1"
port = {imap_port}
security = "plain"
username = "diktyo@kede.example"
password = "benchmark"
"""


#: A short mail without a frame: its parts come to some 2 KB.
_SMALL_LAYOUT = """<!DOCTYPE html>
<html lang="[[ language ]]" dir="[[ direction ]]"><head><meta charset="utf-8"><title>[[ subject ]]</title>
<style>[[ css ]]</style></head><body>
[% for section in sections %][[ section.html ]]<p>[[ section.why ]]</p>
<p><a href="{{ links.unsubscribe_brief }}">[[ section.unsubscribe ]]</a></p>[% endfor %]</body></html>
"""
_SMALL_TEXT = """[% for section in sections %][[ section.text ]]

[[ section.why ]]
{{ links.unsubscribe_brief }}
[% endfor %]"""
_SMALL_MAIL = """+++
subject = "{{{{ municipality.name }}}}: {subject}"
preheader = "{subject}"
revision = 1
source_revision = 1
+++
{{{{ greeting }}}}

{sentence} [LORDIMAS]({{{{ links.assessment }}}}).

{{{{ sender.name }}}}
"""
# the English one is what all others have to be like
_SMALL_MAILS = {
    "el": ("ψηφιακή αυτοαξιολόγηση", "Σας προσκαλούμε στην αυτοαξιολόγηση, είναι δωρεάν:"),
    "en": ("digital self-assessment", "We invite you to the self-assessment, it is free:"),
}


def launched(
    folder: Path,
    recipients: int,
    *,
    now: datetime = MORNING,
    smtp_port: int = 9,
    imap_port: int | None = None,
    connections: int = 10,
    smtp: str = 'security = "plain"',
    sender: str = "",
    domain: str = "thalassa{}.example",
    small: bool = False,
    database_url: str | None = None,
) -> tuple[Workspace, Database]:
    """A new workspace in ``folder`` whose campaign has an invitation to each of ``recipients`` due at ``now``.

    ``smtp`` and ``sender`` are more settings of these two tables, ``domain`` is that of a number's address,
    ``small`` sends a mail of some 3 KB instead of 18.
    """
    create(folder)
    with (folder / "outreach.toml").open("a", encoding="utf-8") as file:
        file.write(_SENDER.format(smtp_port=smtp_port, connections=connections, smtp=smtp))
        if sender:
            file.write(f"\n[senders.mine.{sender}\n")
        if imap_port is not None:
            file.write(_MAILBOX.format(imap_port=imap_port))
    if small:
        layout = folder / "templates" / "_layout"
        layout.mkdir(parents=True, exist_ok=True)
        (layout / "base.html.j2").write_text(_SMALL_LAYOUT, encoding="utf-8")
        (layout / "base.txt.j2").write_text(_SMALL_TEXT, encoding="utf-8")
        (layout / "base.css").write_text("p{margin:0 0 8px}\n", encoding="utf-8")
        for language, (subject, sentence) in _SMALL_MAILS.items():
            mail = folder / "templates" / "lordimas" / f"invitation.{language}.md"
            mail.write_text(_SMALL_MAIL.format(subject=subject, sentence=sentence), encoding="utf-8")
    if database_url is not None:
        settings_file = folder / "outreach.toml"
        text = settings_file.read_text(encoding="utf-8")
        text = re.sub(r"(?m)^database = .*$", f'database = "{database_url}"', text)
        settings_file.write_text(text, encoding="utf-8")
    workspace = settings.load(folder)
    upgrade(workspace.database_url)
    database = Database(workspace.database_url)
    list_ = folder / "dimoi.csv"
    rows = "".join(
        f"Δήμος Αγίας Θάλασσας {number};Κρήτη;info@{domain.format(number)};Γεωργία Παπαδάκη\n"
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


def printed(press: Press, message: Due, *, eight_bit: bool = True) -> bytes:
    """The mail of ``message``, as a server gets it that takes 8-bit text or does not."""
    data = press.mail(message, MORNING).data
    return data(eight_bit) if callable(data) else data
