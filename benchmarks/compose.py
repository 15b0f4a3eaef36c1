"""What one composed mail costs: ``python benchmarks/compose.py``. No network, no database.

Prints microseconds a message (the median of five rounds) beside the same mail built with ``EmailMessage``,
which is the yardstick: absolute figures differ from machine to machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from outreach.delivery import tokens
from outreach.delivery.compose import Composer, Letter, Letterhead
from outreach.delivery.headers import Mailbox
from outreach.delivery.invitation import event_uid, request
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
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for letter in some:
            work(letter)
        rounds.append((time.process_time() - start) / len(some) * 1e6)
    return statistics.median(rounds)


def measure(count: int = 1_000) -> dict[str, float]:
    """Microseconds a message, by what was composed."""
    figures: dict[str, float] = {}
    sender = Mailbox("netz@bund.example", "Bund der Städte")
    for language in SENTENCES:
        compose = Composer(Letterhead(sender, language, "lordimas.bund.example", feedback=("a", "b"))).compose
        some = letters(language, count)
        figures[f"compose {language}"] = microseconds(compose, some)
        figures[f"EmailMessage {language}"] = microseconds(reference, some[: count // 10])
    start = datetime(2027, 5, 1, 9, tzinfo=UTC)
    session = Session("Session", start, start + timedelta(hours=2), "Europe/Berlin")
    figures["invitation"] = microseconds(
        lambda letter: request(
            session,
            organizer=sender,
            attendee=letter.recipient,
            uid=event_uid(letter.token, "bund.example"),
            stamp=letter.date,
        ),
        letters("en", count),
    )
    return figures


def main() -> None:
    figures = measure()
    if "--json" in sys.argv[1:]:
        print(json.dumps({name: round(value, 1) for name, value in figures.items()}))
        return
    for name, value in figures.items():
        print(f"{name:<20}{value:>10.1f} us")
    for language in SENTENCES:
        ratio = figures[f"EmailMessage {language}"] / figures[f"compose {language}"]
        print(f"{language}: {ratio:.0f} times as fast as EmailMessage")


if __name__ == "__main__":
    main()
