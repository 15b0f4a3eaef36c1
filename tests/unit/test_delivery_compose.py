from __future__ import annotations

import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import cast

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.delivery.compose import Composer, Letter, Letterhead
from outreach.delivery.headers import Mailbox, clean_text
from outreach.delivery.invitation import request
from outreach.errors import InputError
from outreach.model.values import Session

TOKEN = "or-abcdefghijklmnopqrstuvwxyz"
LETTERHEAD = Letterhead(
    sender=Mailbox("netz@bund.example", "Bund der Städte, Büro „Digitales“"),
    language="de",
    list_id="lordimas.de.bund.example",
    reply_to=Mailbox("antworten@bund.example", "Antworten"),
    feedback=("lordimas", "invitation", "DE", "outreach"),
)
LETTER = Letter(
    token=TOKEN,
    message_id=f"<{TOKEN}@bund.example>",
    recipient=Mailbox("info@gemeinde.example", "Gemeinde Göß"),
    date=datetime(2027, 3, 1, 9, 5, 7, tzinfo=timezone(timedelta(hours=2))),
    subject="Einladung",
    text="Guten Tag\n",
    html="<p>Guten Tag</p>\n",
)
LANGUAGES = {
    "bg": "Уважаеми дами и господа, Каним Ви",
    "cs": "Příliš žluťoučký kůň",
    "de": "Sehr geehrte Damen und Herren, schöne Grüße",
    "el": "Αξιότιμες κυρίες, αξιότιμοι κύριοι",
    "en": "Dear Mayor, dear colleagues",
    "fi": "Hyvä vastaanottaja",
    "fr": "Madame la Maire, Monsieur le Maire : à bientôt",
    "ga": "A Chara, fáilte",
    "lv": "Cienījamā pašvaldība!",
    "mt": "Għażiż Sindku, għeżież kollegi",
    "ro": "Stimată doamnă primar, oraș și comună",
    "sv": "Hej på er",
}


def _read(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(raw, policy=email.policy.default))


def _assert_wire(raw: bytes) -> None:
    assert raw.isascii()
    lines = raw.split(b"\r\n")
    assert lines[-1] == b""
    assert max(len(line) for line in lines) <= 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert not any(line.startswith(b".") for line in lines)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_field_and_text_reads_back(language: str) -> None:
    words = LANGUAGES[language]
    raw = Composer(replace(LETTERHEAD, language=language)).compose(
        LETTER._replace(subject=words, text=f"{words}\n.\n" * 40, html=f"<p>{words}</p>" * 60)
    )
    _assert_wire(raw)
    message = _read(raw)
    assert message["From"].addresses[0].addr_spec == "netz@bund.example"
    assert message["To"].addresses[0].addr_spec == "info@gemeinde.example"
    assert message["To"].addresses[0].display_name == "Gemeinde Göß"
    assert str(message["Reply-To"]) == "Antworten <antworten@bund.example>"
    assert message["Subject"] == words
    assert message["Date"] == "Mon, 01 Mar 2027 07:05:07 +0000"
    assert parsedate_to_datetime(message["Date"]) == LETTER.date
    assert (
        message["Message-ID"]
        == message["References"]
        == message["X-Outreach-Message-ID"]
        == LETTER.message_id
    )
    assert message["List-Unsubscribe"] == f"<mailto:antworten@bund.example?subject=unsubscribe%20{TOKEN}>"
    assert message["List-Unsubscribe-Post"] is None
    assert message["List-Id"] == "<lordimas.de.bund.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Feedback-ID"] == "lordimas:invitation:DE:outreach"
    assert message["Content-Language"] == language
    assert message["MIME-Version"] == "1.0"
    assert message["Precedence"] is None
    assert message.get_content_type() == "multipart/alternative"
    text, html = cast("list[EmailMessage]", message.get_payload())
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content() == f"{words}\r\n.\r\n" * 40
    assert html.get_content().rstrip("\n") == f"<p>{words}</p>" * 60
    for part in (message, text, html):
        assert not part.defects


@settings(max_examples=40)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=300), st.text(max_size=300))
def test_hostile_values_change_no_structure(subject: str, name: str, text: str, html: str) -> None:
    raw = Composer(LETTERHEAD).compose(
        LETTER._replace(subject=subject, recipient=Mailbox("a@b.example", name), text=text, html=html)
    )
    _assert_wire(raw)
    message = _read(raw)
    assert message.keys() == _read(Composer(LETTERHEAD).compose(LETTER)).keys()
    assert message["Subject"] == clean_text(subject)
    parts = cast("list[EmailMessage]", message.get_payload())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part, source in zip(parts, (text, html), strict=True):
        sent = source.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
        assert part.get_payload(decode=True) == sent.encode("utf-8", "replace")


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 113, 114, 115, 20_000])
def test_base64_of_any_length(size: int) -> None:
    body = "x" * size
    message = _read(Composer(LETTERHEAD).compose(LETTER._replace(text=body, html=body)))
    assert [p.get_payload(decode=True) for p in message.iter_parts()] == [body.encode()] * 2


def test_one_click_only_with_an_address_on_the_web() -> None:
    url = "https://network.example/u/" + TOKEN
    message = _read(Composer(LETTERHEAD).compose(LETTER._replace(unsubscribe_url=url)))
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"<{url}>" in message["List-Unsubscribe"]
    assert "<mailto:" in message["List-Unsubscribe"]
    for bad in ("http://network.example/u", "https://x.example/>\r\nBcc: a@b.example", "https://ü.example/"):
        with pytest.raises(InputError):
            Composer(LETTERHEAD).compose(LETTER._replace(unsubscribe_url=bad))


def test_opt_out_mail_goes_to_its_mailbox_and_is_encoded_as_a_uri() -> None:
    composer = Composer(replace(LETTERHEAD, unsubscribe_mailbox="stop?now&then%@münchen.example"))
    field = _read(composer.compose(LETTER))["List-Unsubscribe"]
    assert field.startswith("<mailto:stop%3Fnow%26then%25@xn--mnchen-3ya.example?subject=unsubscribe%20or-")


def test_a_reply_address_of_its_own_and_earlier_mails() -> None:
    letter = LETTER._replace(reply_to=f"netz+{TOKEN}@bund.example", references=("<first@bund.example>",))
    message = _read(Composer(LETTERHEAD).compose(letter))
    assert message["Reply-To"].addresses[0].addr_spec == f"netz+{TOKEN}@bund.example"
    assert message["Reply-To"].addresses[0].display_name == "Antworten"
    assert message["References"].split() == ["<first@bund.example>", LETTER.message_id]


def test_an_address_with_letters_before_the_at_stands_as_it_is() -> None:
    raw = Composer(LETTERHEAD).compose(LETTER._replace(recipient=Mailbox("δήμος@x.example", "Δήμος")))
    assert "<δήμος@x.example>".encode() in raw


def test_a_calendar_invitation_is_an_alternative_and_a_file() -> None:
    session = Session(
        "Tag", datetime(2027, 5, 1, 9, tzinfo=UTC), datetime(2027, 5, 1, 10, tzinfo=UTC), "Europe/Berlin"
    )
    invitation = request(
        session,
        organizer=LETTERHEAD.sender,
        attendee=LETTER.recipient,
        uid=f"{TOKEN}@bund.example",
        stamp=LETTER.date,
    )
    raw = Composer(LETTERHEAD).compose(LETTER._replace(invitation=invitation))
    _assert_wire(raw)
    message = _read(raw)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    calendar, attached = list(message.walk())[-2:]
    assert calendar.get_param("method") == "REQUEST"
    assert calendar.get_content_charset() == "utf-8"
    assert calendar.get_payload(decode=True) == invitation.ics == attached.get_payload(decode=True)
    assert attached.get_filename() == "invite.ics"
    assert attached.get_content_disposition() == "attachment"
    read = icalendar.Calendar.from_ical(calendar.get_payload(decode=True))
    assert read["METHOD"] == "REQUEST"
    assert read.walk("VEVENT")[0]["UID"] == f"{TOKEN}@bund.example"
    assert not any(part.defects for part in message.walk())


@pytest.mark.parametrize(
    "letter",
    [
        LETTER._replace(message_id="<a@b>\r\nX: y"),
        LETTER._replace(recipient=Mailbox("a@b.example\r\nBcc: c@d.example")),
        LETTER._replace(token="or-x>\r\nBcc: c@d.example"),
        LETTER._replace(reply_to="nobody"),
        LETTER._replace(date=datetime(2027, 1, 1)),  # noqa: DTZ001
    ],
)
def test_what_cannot_stand_in_a_header_is_an_error(letter: Letter) -> None:
    with pytest.raises(InputError) as caught:
        Composer(LETTERHEAD).compose(letter)
    assert caught.value.remedy


def test_a_letterhead_that_cannot_be() -> None:
    with pytest.raises(InputError):
        Composer(replace(LETTERHEAD, sender=Mailbox("nobody")))
    with pytest.raises(InputError):
        Composer(replace(LETTERHEAD, list_id="not a domain"))
