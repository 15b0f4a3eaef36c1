"""The main job against a real Postfix and a real Dovecot: what a member does in the first weeks of a campaign.

Everything goes through the command line, and everything that comes in comes by SMTP from a real server: a
refusal at RCPT, a delivery report, a Sieve vacation answer, replies, a calendar answer, an unsubscribe.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from outreach import clock
from tests import figures, workspaces
from tests.servers.host import MailHost

pytestmark = pytest.mark.servers

OFFICE = "digital@office.example"
PROOF = "proof@office.example"

AALST = "griffie@aalst-noord.example"  # answers yes
CINEY = "accueil@ciney-haut.away.example"  # on leave
JAN = "jan.claes@aalst-noord.example"  # of Aalst, too: he answers
GENT = "info@gent-oud.example"  # unknown to its server: refused at RCPT
DINANT = "info@dinant-bas.late.example"  # unknown to its server: comes back later
NAMUR = "info@namur-est.example"  # silent
ALTSTADT = "rathaus@altstadt-ost.example"  # wants no more mail
NEUSTADT = "rathaus@neustadt-ost.example"  # comes to the session, says nothing about the assessment
BERGDORF = "gemeinde@bergdorf-ost.example"  # has a question

BELGIUM = (
    ("Aalst-Noord", AALST, "nl"),
    ("Ciney-Haut", CINEY, "fr"),
    ("Gent-Oud", GENT, "nl"),
    ("Dinant-Bas", DINANT, "fr"),
    ("Namur-Est", NAMUR, "fr"),
)
GERMANY = (
    ("Altstadt an der Ost", ALTSTADT, "Markt 1"),
    ("Neustadt an der Ost", NEUSTADT, "Markt 2"),
    ("Bergdorf an der Ost", BERGDORF, "Markt 3"),
)
READERS = (AALST, CINEY, NAMUR, ALTSTADT, NEUSTADT, BERGDORF)


class Office:
    """A member's desk: its workspace, and the mailboxes of its municipalities."""

    def __init__(self, folder: Path, host: MailHost) -> None:
        self.folder, self.host = folder, host
        for address in (OFFICE, PROOF, JAN, *READERS):
            host.add_mailbox(address, "a secret")
        workspaces.process("init", folder).ok()
        server = {"host": "localhost", "username": OFFICE, "ca_file": host.ca_file}
        (folder / "outreach.toml").write_text(
            workspaces.sender(
                "office",
                OFFICE,
                ["BE", "DE"],
                smtp={**server, "port": host.smtp_port, "security": "starttls"},
                imap={**server, "port": host.imaps_port, "security": "tls"},
                limits={"per_minute": 1000},
            ),
            encoding="utf-8",
        )
        for protocol in ("smtp", "imap"):
            (folder / "secrets" / f"senders__office__{protocol}__password").write_text("a secret")
        for slug in ("lordimas", "information-session"):
            workspaces.open_windows(folder / "campaigns" / f"{slug}.toml")
        session = folder / "campaigns" / "information-session.toml"
        day = f"{clock.now() + timedelta(days=60):%Y-%m-%d}"
        session.write_text(re.sub(r"(?m)^(start|end) = \d{4}-\d\d-\d\d", rf"\1 = {day}", session.read_text()))

    def type(self, *arguments: object) -> str:
        """A command; what it printed."""
        return workspaces.command("-w", self.folder, *arguments).ok().out

    def type_alone(self, *arguments: object) -> str:
        """The same in a process of its own, as the shell and cron start it."""
        return workspaces.process("-w", self.folder, *arguments).ok().out

    def later(self, **delta: float) -> str:
        """`outreach run` when so much time has passed since the launch, and all mail has arrived."""
        self.host.wait_queue_empty()
        clock.reset()
        clock.move_to(clock.now() + timedelta(**delta))
        return workspaces.command("-w", self.folder, "run").ok().out

    def report(self) -> dict[tuple[str, str, str | None], str]:
        """Campaign, country and step -> invited reached answered registered declined unsubscribed."""
        lines = figures.lines(workspaces.command("-w", self.folder, "report", "--json").ok().out)
        return {
            (line["campaign"], line["country"], line["step"]): " ".join(
                str(line[name]) if name == "invited" else str(line[name]["numerator"])
                for name in ("invited", "reached", "answered", "registered", "declined", "unsubscribed")
            )
            for line in lines
            if line["country"]
        }

    def mail(self, address: str) -> list[EmailMessage]:
        """What a municipality has in its mailbox, oldest first."""
        return [message_from_bytes(raw, policy=policy.default) for raw in self.host.messages(address)]

    def one(self, address: str, campaign: str) -> EmailMessage:
        (found,) = [mail for mail in self.mail(address) if mail["List-Id"] and campaign in mail["List-Id"]]
        return found

    def write(self, sender: str, to: str, subject: str, text: str, **headers: str) -> None:
        """A person types a mail."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, to, subject
        mail["Message-ID"] = f"<{abs(hash((sender, subject, text)))}@mail.example>"
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        self.host.deliver(sender, OFFICE, mail)


def quoted(mail: EmailMessage, text: str) -> str:
    """``text`` above the mail it answers, as mail programs quote it."""
    body = mail.get_body(("plain",))
    assert body is not None
    lines = "\n".join(f"> {line}" for line in body.get_content().splitlines())
    return f"{text}\n\nOp {mail['Date']} schreef {mail['From']}:\n{lines}\n"


def calendar_answer(mail: EmailMessage, attendee: str, answer: str) -> EmailMessage:
    """What a calendar program sends when its user presses a button in the invitation (RFC 5546, 3.2.3)."""
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    event = part.get_content().replace("\r\n ", "").replace("\n ", "")
    uid = re.search(r"^UID:(\S+)", event, re.MULTILINE)
    organizer = re.search(r"^ORGANIZER.*", event, re.MULTILINE)
    start = re.search(r"^DTSTART.*", event, re.MULTILINE)
    assert uid is not None
    assert organizer is not None
    assert start is not None
    reply = "\r\n".join(
        (
            *("BEGIN:VCALENDAR", "PRODID:-//Example//Calendar 1.0//EN", "VERSION:2.0", "METHOD:REPLY"),
            *("BEGIN:VEVENT", f"UID:{uid[1]}", organizer[0].strip(), start[0].strip()),
            f"ATTENDEE;PARTSTAT={answer}:mailto:{attendee}",
            *("DTSTAMP:20260101T120000Z", "SEQUENCE:0", "END:VEVENT", "END:VCALENDAR", ""),
        )
    )
    out = EmailMessage()
    out["From"], out["To"], out["Subject"] = attendee, OFFICE, f"Accepted: {mail['Subject']}"
    out["Message-ID"] = "<calendar-answer@neustadt-ost.example>"
    out.set_content(f"{attendee} has accepted.")
    out.add_alternative(reply, subtype="calendar", params={"method": "REPLY"})
    return out


def unsubscribe_link(mail: EmailMessage) -> tuple[str, str, str]:
    """Address, subject and body of the mail that a mail program's unsubscribe button sends (RFC 2369)."""
    found = re.search(r"<(mailto:[^>]+)>", str(mail["List-Unsubscribe"]).replace("\n", ""))
    assert found is not None
    link = urlsplit(found[1])
    fields = parse_qs(link.query)
    return unquote(link.path), fields.get("subject", [""])[0], fields.get("body", [""])[0]


@pytest.fixture
def office(tmp_path: Path, mail_host: MailHost) -> Office:
    return Office(tmp_path / "office", mail_host)


def test_from_a_contact_list_to_a_response_rate(office: Office, tmp_path: Path) -> None:
    back = f"{(clock.now() + timedelta(days=9)).date():%d/%m/%Y}"
    office.host.add_vacation(
        CINEY, f"Bonjour, je suis absente du bureau jusqu'au {back}.", "Absence du bureau"
    )

    # The lists a member has, each as its own office writes them.
    belgium = tmp_path / "gemeenten.csv"
    workspaces.write_list(belgium, BELGIUM, "Gemeente,E-mail,Taal")
    germany = tmp_path / "gemeinden.csv"
    text = "\r\n".join(";".join(row) for row in (("Gemeinde", "E-Mail-Adresse", "Straße"), *GERMANY))
    germany.write_text(text + "\r\n", encoding="cp1252")
    assert "5  new" in office.type("contacts", "import", belgium, "--country", "BE")  # only shown
    assert json.loads(office.type("contacts", "list", "--json")) == []
    for file, country in ((belgium, "BE"), (germany, "DE")):
        assert "Imported, as number" in office.type_alone(
            "contacts", "import", file, "--country", country, "--apply"
        )

    # Looked at, tried on oneself, launched.
    lordimas_be, lordimas_de = ("lordimas", "--country", "BE"), ("lordimas", "--country", "DE")
    session_de = ("information-session", "--country", "DE")
    for campaign in (lordimas_be, lordimas_de, session_de):
        assert "The check passed" in office.type("campaigns", "check", *campaign)
    office.type("campaigns", "preview", *lordimas_be, "--dir", tmp_path / "preview")
    assert {path.name for path in (tmp_path / "preview").glob("invitation.*")} == {
        f"invitation.{language}.{kind}" for language in ("nl", "fr") for kind in ("html", "txt", "eml")
    }
    sent = office.type_alone("campaigns", "test", *lordimas_be, "--to", PROOF)
    assert sent.strip() == f"6 of 6 test mails sent to {PROOF}."
    assert all(str(mail["Subject"]).startswith("[Test] ") for mail in office.mail(PROOF))
    assert len(office.mail(PROOF)) == 6
    for campaign in (lordimas_be, lordimas_de, session_de):
        assert "is launched" in office.type_alone("campaigns", "launch", *campaign, "--yes")

    # Sent by cron: one is refused at once, one comes back, one is answered by a machine.
    said = office.type_alone("run")
    assert "Tried 11 mails: 10 sent, 1 bounced." in said
    office.host.wait_queue_empty()
    assert {address: len(office.mail(address)) for address in READERS} == {
        **dict.fromkeys((AALST, CINEY, NAMUR), 1),
        **dict.fromkeys((ALTSTADT, NEUSTADT, BERGDORF), 2),
    }
    assert len(office.mail(OFFICE)) == 2, "the delivery report and the vacation answer"

    # Answered by people.
    invitation = office.one(AALST, "lordimas")
    office.write(
        f"Jan Claes <{JAN}>",  # a colleague of the address we wrote to
        OFFICE,
        f"RE: {invitation['Subject']}",
        quoted(invitation, "Goedemorgen,\n\nja, wij doen graag mee.\n\nMet vriendelijke groet,\nJan Claes"),
        In_Reply_To=str(invitation["Message-ID"]),
        References=str(invitation["Message-ID"]),
    )
    question = office.one(BERGDORF, "lordimas")
    office.write(
        BERGDORF,
        OFFICE,
        f"AW: {question['Subject']}",
        "Guten Tag,\n\nwas kostet die Teilnahme?\n\nMit freundlichen Grüßen\nA. Berger\n",
        In_Reply_To=str(question["Message-ID"]),
    )
    answer = calendar_answer(office.one(NEUSTADT, "information-session"), NEUSTADT, "ACCEPTED")
    office.host.deliver(NEUSTADT, OFFICE, answer)
    to, subject, body = unsubscribe_link(office.one(ALTSTADT, "lordimas"))
    assert to == OFFICE
    office.write(ALTSTADT, to, subject, body)
    office.host.wait_messages(OFFICE, 6)

    said = office.type_alone("run")
    assert said.splitlines()[0].startswith("Read 6 new messages: ")
    kinds = dict(reversed(part.split(" ", 1)) for part in said.splitlines()[0][21:].rstrip(".").split(", "))
    assert kinds == {"reply": "2", "bounce": "1", "auto_reply": "1", "rsvp": "1", "unsubscribe": "1"}
    assert "1 of them need a person" in said
    first = {
        ("lordimas", "BE", None): "5 3 1 1 0 0",
        ("lordimas", "DE", None): "3 3 2 0 0 1",
        ("information-session", "DE", None): "3 3 1 1 0 0",
    }
    assert {line: counts for line, counts in office.report().items() if line[2] is None} == first
    # Who said yes has it in writing, in the thread and with the session; who said stop has it once.
    (confirmation,) = office.mail(JAN)
    assert confirmation["In-Reply-To"] in str(confirmation["References"])
    assert confirmation["Auto-Submitted"] == "auto-replied"
    (event,) = [
        part.get_content()
        for part in office.mail(NEUSTADT)[-1].walk()
        if part.get_content_type() == "text/calendar"
    ]
    assert "PARTSTAT=ACCEPTED" in event.replace("\r\n ", "").replace("\n ", "")
    inbox = json.loads(office.type("inbox", "list", "--json"))
    assert [(one["municipality"], one["kind"], one["intent"], one["rung"]) for one in inbox] == [
        ("Bergdorf an der Ost", "reply", "question", "in_reply_to")
    ]
    office.type("inbox", "resolve", inbox[0]["id"], "--note", "answered by telephone")
    suppressed = json.loads(office.type("suppress", "list", "--json"))
    assert {(one["address"], one["reason"]) for one in suppressed} == {
        (GENT, "bounced"),
        (DINANT, "bounced"),
        (ALTSTADT, "unsubscribed"),
    }

    # Nothing new: silence. Nothing was marked read, and nothing was read twice.
    assert office.type_alone("run") == ""
    with office.host.imap(OFFICE) as client:
        client.select_folder("INBOX", readonly=True)
        assert len(client.search("UNSEEN")) == len(client.search("ALL")) == 6

    # A week later: the reminder, for those of whom nobody answered and who are not away.
    assert "Tried 2 mails: 2 sent." in office.later(days=8)
    assert office.later(days=8) == ""
    # The absence is over, and the session's reminder has come due; who wants no mail gets none of it.
    said = office.later(days=12)
    assert "Tried 2 mails: 2 sent." in said
    assert "no longer wanted: 1 suppressed" in said
    # The last call, and that is all.
    assert "Tried 3 mails: 3 sent." in office.later(days=35)
    assert office.later(days=50) == "Read 1 new message: 1 auto_reply.\n"  # the vacation answers each time
    assert office.later(days=51) == ""

    be, de = "lordimas-be", "lordimas-de"
    told = {
        AALST: [(be, "invitation")],
        CINEY: [(be, "invitation"), (be, "last-call"), (be, "reminder")],
        NAMUR: [(be, "invitation"), (be, "last-call"), (be, "reminder")],
        ALTSTADT: [("information-session-de", "invitation"), (de, "invitation"), (de, "unsubscribed")],
        JAN: [(be, "confirmation")],
        NEUSTADT: [
            ("information-session-de", "confirmation"),
            ("information-session-de", "invitation"),
            (de, "invitation"),
            (de, "last-call"),
            (de, "reminder"),
        ],
        BERGDORF: [
            ("information-session-de", "invitation"),
            ("information-session-de", "reminder"),
            (de, "invitation"),
        ],
    }
    assert {address: arrived(office, address) for address in (JAN, *READERS)} == told
    assert office.report() == {
        **first,
        ("lordimas", "BE", "invitation"): "5 3 1 1 0 0",
        ("lordimas", "BE", "reminder"): "2 2 0 0 0 0",
        ("lordimas", "BE", "last-call"): "2 2 0 0 0 0",
        ("lordimas", "DE", "invitation"): "3 3 2 0 0 1",
        ("lordimas", "DE", "reminder"): "1 1 0 0 0 0",
        ("lordimas", "DE", "last-call"): "1 1 0 0 0 0",
        ("information-session", "DE", "invitation"): "3 3 1 1 0 0",
        ("information-session", "DE", "reminder"): "1 1 0 0 0 0",
    }
    ids = Counter(str(mail["Message-ID"]) for address in READERS for mail in office.mail(address))
    assert set(ids.values()) == {1}
    for campaign in (lordimas_be, lordimas_de, session_de):
        status: dict[str, Any] = json.loads(
            workspaces.command("-w", office.folder, "campaigns", "status", *campaign, "--json").ok().out
        )
        # The mails to those who come to the session are still to go.
        assert status["state"] == ("running" if campaign is session_de else "finished"), status


def arrived(office: Office, address: str) -> list[tuple[str, str]]:
    """Campaign and step of every mail of ours at a municipality."""
    found = []
    for mail in office.mail(address):
        step, _language, campaign, _sender = str(mail["Feedback-ID"]).split(":")
        found.append((campaign, step))
    return sorted(found)
