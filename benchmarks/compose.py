"""What one mail costs to write, in CPU time: ``python benchmarks/compose.py``. No network.

First a message of a launched campaign, as it is sent: its values looked up, rendered and composed; the peer does
what a first version would: Jinja, premailer and ``EmailMessage`` for each message. Then composing alone, of parts
that are there already; the peer is ``EmailMessage``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from _campaign import MORNING, SENDER, launched, printed
from _figures import ROOT, Figure, median, show

from outreach.content.compiled import Compiled
from outreach.db import campaigns, outbox
from outreach.db.engine import Database
from outreach.db.outbox import Due
from outreach.delivery import tokens
from outreach.delivery.compose import Composer, Letter, Letterhead
from outreach.delivery.headers import Mailbox
from outreach.delivery.invitation import event_uid, request
from outreach.jobs.frozen_content import thaw_compiled
from outreach.jobs.press import Plate, Press, addressing
from outreach.model.values import Session

SENTENCES = {
    "en": "Dear Mayor, dear colleagues, the assessment takes half an hour and costs nothing.",
    "el": "Αξιότιμες κυρίες, αξιότιμοι κύριοι, η αξιολόγηση διαρκεί μισή ώρα και είναι δωρεάν.",
}
KEY = b"a key for the benchmark, 32 byte"


def letters(language: str, count: int, html_bytes: int = 15_000, text_bytes: int = 3_000) -> list[Letter]:
    """Mails whose parts have about the given size in UTF-8."""
    sentence = SENTENCES[language]
    paragraph = f'<p style="margin:0 0 16px;font-size:16px">{sentence}</p>\n'
    html = paragraph * (html_bytes // len(paragraph.encode()))
    text = f"{sentence}\n" * (text_bytes // len(sentence.encode()))
    made = []
    for number in range(count):
        token = tokens.issue(KEY, number.to_bytes(8, "big"))
        made.append(
            Letter(
                token=token,
                message_id=tokens.message_id(token, "bund.example"),
                recipient=Mailbox(f"info@gemeinde{number}.example", f"Gemeinde Göß {number}"),
                date=datetime(2027, 3, 1, tzinfo=UTC) + timedelta(seconds=number),
                subject=f"{sentence[:50]} {number}",
                text=f"{number}\n{text}",
                html=f"<p>{number}</p>\n{html}",
            )
        )
    return made


def reference(letter: Letter) -> bytes:
    """The same parts through the standard library."""
    message = EmailMessage()
    message["Date"] = format_datetime(letter.date)
    message["From"] = "Bund der Städte <netz@bund.example>"
    message["To"] = f"{letter.recipient.name} <{letter.recipient.address}>"
    message["Subject"] = letter.subject
    message["Message-ID"] = letter.message_id
    message.set_content(letter.text, cte="base64")
    message.add_alternative(letter.html, subtype="html", cte="base64")
    return message.as_bytes()


def microseconds(work: Callable[[Letter], object], some: list[Letter]) -> float:
    def once() -> float:
        start = time.process_time()
        for letter in some:
            work(letter)
        return (time.process_time() - start) / len(some) * 1e6

    return median(once)


def first_version(compiled: Compiled, plate: Plate) -> Callable[[Due], bytes]:
    """One message as most programs make it: nothing is kept from one to the next but the compiled templates."""
    from jinja2 import Environment
    from premailer import Premailer

    css = (ROOT / "templates" / "_layout" / "base.css").read_text(encoding="utf-8")
    environment = Environment(autoescape=True)
    html = environment.from_string(compiled.html.replace("</head>", f"<style>{css}</style></head>", 1))
    text = Environment(autoescape=False).from_string(compiled.text)
    subject = Environment(autoescape=False).from_string(compiled.subject)

    def make(message: Due) -> bytes:
        values = plate.values(addressing(message), message.token)
        inlined = Premailer(
            html.render(values), disable_validation=True, allow_network=False, cssutils_logging_level=60
        ).transform()
        mail = EmailMessage()
        mail["Date"] = format_datetime(MORNING)
        mail["From"] = "Δίκτυο Δήμων <diktyo@kede.example>"
        mail["To"] = message.email
        mail["Subject"] = subject.render(values)
        mail["Message-ID"] = message.internet_message_id
        mail.set_content(text.render(values), cte="base64")
        mail.add_alternative(inlined, subtype="html", cte="base64")
        return mail.as_bytes()

    return make


def measure_campaign(count: int = 1_000) -> list[Figure]:
    """The invitation of LORDIMAS in Greek."""
    with tempfile.TemporaryDirectory() as folder:
        workspace, database = launched(Path(folder) / "workspace", count)
        with database.read() as connection:
            due = outbox.due(connection, SENDER, MORNING, count)
        press = Press(workspace, database, SENDER, workspace.settings.sender(SENDER))
        compiled, plate = _plate(press, database, due[0])
        first = first_version(compiled, plate)
        rendered = plate.render(addressing(due[0]), due[0].token)

        def per_message(work: Callable[[Due], object], some: list[Due]) -> float:
            work(some[0])

            def once() -> float:
                start = time.process_time()
                for message in some:
                    work(message)
                return (time.process_time() - start) / len(some) * 1e3

            return median(once)

        ours = per_message(lambda message: printed(press, message, eight_bit=True), due)
        seven = per_message(lambda message: printed(press, message, eight_bit=False), due)
        render = per_message(lambda message: plate.render(addressing(message), message.token), due)
        peer = per_message(first, due[:20])
        database.close()
    parts = len(rendered.html.encode()) + len(rendered.text.encode())
    return [
        Figure("Greek invitation: its HTML and text", parts / 1000, "KB"),
        Figure("peer: Jinja, premailer, EmailMessage each time", peer, "ms"),
        Figure("rendered and composed, 8bit", ours, "ms", peer / ours, "under 0.5 ms"),
        Figure("the same in base64", seven, "ms", peer / seven),
        Figure("rendered by Jinja, as for a preview", render, "ms"),
    ]


def _plate(press: Press, database: Database, message: Due) -> tuple[Compiled, Plate]:
    with database.read() as connection:
        rows = campaigns.contents(connection, message.campaign_id)
    key = (message.step, message.language)
    compiled = next(row["compiled"] for row in rows if (row["step"], row["language"]) == key)
    plate, _ = press._plate(message.campaign_id, *key)
    return thaw_compiled(compiled), plate


def measure_composing(count: int = 1_000) -> list[Figure]:
    """Parts of 15 KB and 3 KB that are there already."""
    figures: list[Figure] = []
    sender = Mailbox("netz@bund.example", "Bund der Städte")
    for language in SENTENCES:
        compose = Composer(Letterhead(sender, language, "lordimas.bund.example", feedback=("a", "b"))).compose
        some = letters(language, count)
        peer = microseconds(reference, some[: count // 10])
        ours = microseconds(compose, some)
        figures.append(Figure(f"peer: EmailMessage, {language}", peer, "us"))
        figures.append(Figure(f"composed, {language}", ours, "us", peer / ours))
    start = datetime(2027, 5, 1, 9, tzinfo=UTC)
    session = Session("Session", start, start + timedelta(hours=2), "Europe/Berlin")
    invitation = microseconds(
        lambda letter: request(
            session,
            organizer=sender,
            attendee=letter.recipient,
            uid=event_uid(letter.token, "bund.example"),
            stamp=letter.date,
        ),
        letters("en", count),
    )
    figures.append(Figure("calendar invitation", invitation, "us"))
    return figures


def main() -> None:
    show("One mail, CPU time; ratio: times as fast as the peer", measure_campaign() + measure_composing())


if __name__ == "__main__":
    main()
