"""How fast inbound mail is read: from bytes to verdict, beside flufl.bounce and mail-parser-reply in the same run.

``python benchmarks/reading.py [--profile] [--json]``. Typical mail of 12 KB: a person's answer above the quoted
invitation in text and HTML, in five languages; an absence; bounces with the mail they return; a calendar answer.
CPU time: the machine's other work does not count. Then mail made to hurt, in two sizes: reading is linear when
four times the size takes about four times as long.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from email import message_from_bytes
from email.message import EmailMessage

from _figures import Figure, median, show

from outreach.inbound.classify import classify
from outreach.inbound.parse import parse

SIZE = 12_000
ANSWERS = {
    "de": "Sehr geehrte Damen und Herren,\n\nvielen Dank für die Einladung. Wir nehmen gerne mit zwei Personen teil.",
    "fr": "Bonjour,\n\nNous vous remercions de votre invitation mais ne pourrons pas y participer cette année.",
    "pl": "Dzień dobry,\n\nczy udział w szkoleniu jest bezpłatny i czy można dołączyć zdalnie?",
    "fi": "Hei,\n\nkiitos kutsusta. Asiasta vastaa tietohallinto, kirjoittakaa osoitteeseen it@kunta.example.",
    "el": "Καλημέρα σας,\n\nπαρακαλούμε να διαγραφεί η διεύθυνσή μας από τη λίστα σας.",
}
PARAGRAPH = (
    "The Smart Communities Network invites your municipality to LORDIMAS, the free self-assessment of digital "
    "maturity. Register before the end of the month, or tell us who is responsible for it in your house. "
)


def _filled(size: int) -> str:
    return "\n".join([PARAGRAPH] * max(1, size // len(PARAGRAPH)))


def answer(text: str, size: int = SIZE) -> bytes:
    """A person's answer above the quoted invitation, text and HTML."""
    message = EmailMessage()
    message["From"] = "Anna Berg <anna.berg@town.example>"
    message["To"] = "Network <invite@network.example>"
    message["Subject"] = "Re: Invitation"
    message["Date"] = "Tue, 10 Mar 2026 09:12:00 +0100"
    message["Message-ID"] = "<1@town.example>"
    message["In-Reply-To"] = "<m-1@network.example>"
    for number in range(6):
        second = f"{number:02}"
        relay = f"from relay{number}.town.example by mx{number}.network.example with ESMTPS"
        message["Received"] = f"{relay}; Tue, 10 Mar 2026 09:12:{second} +0100"
    quoted = _filled(size // 4)
    closing = "\n\nAnna Berg\n\n-- \nTown of Berg\nMain Street 1\n\n"
    attribution = "On Mon, 9 Mar 2026 at 10:00, Network <invite@network.example> wrote:\n"
    message.set_content(text + closing + attribution + "\n".join(f"> {line}" for line in quoted.split("\n")))
    paragraphs = "".join(
        f'<p style="margin:0 0 12px;font-family:Arial">{line}</p>' for line in quoted.split("\n")
    )
    message.add_alternative(
        f"<html><body><div>{text.replace(chr(10), '<br>')}</div><div>{attribution}</div>"
        f"<blockquote>{paragraphs}{paragraphs}</blockquote></body></html>",
        subtype="html",
    )
    return message.as_bytes()


def absence() -> bytes:
    """An automatic answer with a day of return, and the invitation below it."""
    raw = answer(
        "Guten Tag,\n\nich bin bis 27. März 2026 nicht im Haus. Vertretung: Rita Kolb, kolb@town.example."
    )
    return raw.replace(b"Subject: Re:", b"Auto-Submitted: auto-replied\nSubject: Automatische Antwort:", 1)


_REPORT = """\
Return-Path: <>
From: MAILER-DAEMON@mx.network.example (Mail Delivery System)
To: invite@network.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

This is the mail system at host mx.network.example.

I'm sorry to have to inform you that your message could not be delivered.

<info@town.example>: host mx.town.example[192.0.2.1] said: {words}
    (in reply to RCPT TO command)

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.network.example

Final-Recipient: rfc822; info@town.example
Action: failed
Status: {status}
Remote-MTA: dns; mx.town.example
Diagnostic-Code: smtp; {words}

--b1
Content-Type: message/rfc822

Message-ID: <m-1@network.example>
From: invite@network.example
To: info@town.example
Subject: Invitation

{invitation}
--b1--
"""


def bounce(status: str, words: str) -> bytes:
    """A report as Postfix writes it, with the mail it returns."""
    return _REPORT.format(status=status, words=words, invitation=_filled(SIZE - 1800)).encode()


def rsvp() -> bytes:
    """A calendar answer as Outlook sends it."""
    raw = answer("")
    calendar = (
        "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:m-1@network.example\r\n"
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna.berg@town.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    head = b"From: anna.berg@town.example\nSubject: Accepted: Session\n"
    head += b"Content-Type: multipart/alternative; boundary=q\n\n--q\n"
    part = f"\n--q\nContent-Type: text/calendar; method=REPLY\n\n{calendar}\n--q--\n".encode()
    return head + b"\n" + raw[-(SIZE - 1000) :] + part


def typical(variants: int = 40) -> list[bytes]:
    """The mix: two thirds people and their absences, a third reports. No two are alike, so that no cache of a
    reader holds them."""
    return [
        raw.replace(b"Anna Berg", b"Anna Berg-%d" % n)
        .replace(b".\n", b", %d.\n" % n)
        .replace(b"\xc3\xa9", b"%d" % n)
        for n in range(variants)
        for raw in _kinds()
    ]


def _kinds() -> list[bytes]:
    return [
        *(answer(text) for text in ANSWERS.values()),
        absence(),
        absence(),
        bounce("5.1.1", "550 5.1.1 <info@town.example>: Recipient address rejected: User unknown"),
        bounce("5.2.2", "552 5.2.2 <info@town.example>: mailbox is over quota"),
        bounce("4.7.1", "450 4.7.1 <info@town.example>: try again later"),
        rsvp(),
    ]


def per_second(work: Callable[[bytes], object], raws: Sequence[bytes], seconds: float = 0.7) -> float:
    """Messages a second of CPU time."""
    for raw in raws:
        work(raw)
    done = 0
    began = time.process_time()
    while (spent := time.process_time() - began) < seconds:
        for raw in raws:
            work(raw)
        done += len(raws)
    return done / spent


def _peers() -> list[tuple[str, Callable[[bytes], object], str]]:
    """The readers that are installed: each does a part of what classify does."""
    found: list[tuple[str, Callable[[bytes], object], str]] = []
    try:
        from flufl.bounce import scan_message
    except ImportError:
        print("flufl.bounce is not installed: pip install flufl.bounce")
    else:
        found.append(
            (
                "flufl.bounce, email.message_from_bytes",
                lambda raw: scan_message(message_from_bytes(raw)),
                "bounces",
            )
        )
    try:
        from mailparser_reply import EmailReplyParser
    except ImportError:
        print("mail-parser-reply is not installed: pip install mail-parser-reply")
    else:
        reader = EmailReplyParser(languages=["en", "de", "fr", "pl"])

        def cut(raw: bytes) -> object:
            for part in message_from_bytes(raw).walk():
                if part.get_content_type() == "text/plain":
                    payload = part.get_payload(decode=True)
                    return reader.parse_reply(
                        text=payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
                    )
            return None

        found.append(("mail-parser-reply, email.message_from_bytes", cut, "replies"))
    return found


def hurting(scale: int) -> dict[str, bytes]:
    """Mail made to take long, ``scale`` times a quarter of the full size."""
    quarter = 6_250_000 * scale
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(25 * scale)
    )
    mixed = b"Content-Type: multipart/mixed; boundary=b\n\n"
    return {
        "25 MB attachment": mixed + b"--b\n\nWe take part.\n--b\nContent-Type: application/pdf\n"
        b"Content-Transfer-Encoding: base64\n\n" + (b"QUJD" * 19 + b"\n") * (quarter // 77) + b"--b--\n",
        "10,000 parts": mixed + b"--b\n\nWe take part.\n" * (2500 * scale) + b"--b--\n",
        "100 deep": nested + b"\nWe take part.\n",
        "1 MB of headers": b"Subject: x\n"
        + b"X-Trace: "
        + b"a b c d e f\n\tg " * (17_000 * scale)
        + b"\n\nWe take part.\n",
        "1 MB of one line": b"Content-Type: text/plain\n\n" + b"Dear all, we take part. " * (10_000 * scale),
        "1 MB of quote marks": b"Content-Type: text/plain\n\nYes.\n" + b"> > >" * (50_000 * scale) + b"\n",
        "1 MB of HTML tags": b"Content-Type: text/html\n\n" + b"<div><b><i>" * (22_000 * scale),
        "1 MB of @": b"From: MAILER-DAEMON@x.example\nSubject: Undelivered\n\n"
        + b"a@b.example <" * (19_000 * scale),
    }


def growth() -> list[Figure]:
    """How much longer four times the size takes."""
    figures = []
    small, large = hurting(1), hurting(4)
    for name, raw in large.items():
        took = []
        for each in (small[name], raw):
            began = time.process_time()
            classify(parse(each))
            took.append(time.process_time() - began)
        figures.append(
            Figure(
                f"{name} ({len(raw) / 1e6:.1f} MB)",
                took[1] * 1000,
                "ms",
                took[1] / max(took[0], 1e-4),
                "4 x the size",
            )
        )
    return figures


def main() -> None:
    raws = typical()
    if "--profile" in sys.argv[1:]:
        profile = cProfile.Profile()
        for raw in raws:
            classify(parse(raw))
        profile.enable()
        for raw in raws:
            classify(parse(raw))
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(32)
        return
    size = sum(map(len, raws)) / len(raws)
    ours = median(lambda: per_second(lambda raw: classify(parse(raw)), raws))
    figures = [
        Figure(f"outreach, bytes to verdict, {size / 1000:.1f} KB a message", ours, "/s", goal=">= 3,000")
    ]
    for name, part in (("parse alone", parse),):
        figures.append(Figure(f"  {name}", per_second(part, raws), "/s"))
    kinds = len(_kinds())
    for kind, first, last in (
        ("answers", 0, 5),
        ("absences", 5, 7),
        ("bounces", 7, 10),
        ("calendar", 10, 11),
    ):
        part_of = [raw for n, raw in enumerate(raws) if first <= n % kinds < last]
        figures.append(
            Figure(f"  {kind} alone", per_second(lambda raw: classify(parse(raw)), part_of, 0.3), "/s")
        )
    for name, work, what in _peers():
        theirs = per_second(work, raws)
        figures.append(Figure(f"{name} ({what} only)", theirs, "/s", ours / theirs, "outreach to it"))
    show("reading inbound mail", figures + growth())


if __name__ == "__main__":
    main()
