"""Mails as the relay gets them: header fields, line lengths, and names that are easily broken."""

from __future__ import annotations

import email.policy
import re
import shutil
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import cast

import pytest

from outreach import clock, settings
from outreach.errors import SettingsError
from tests import workspaces
from tests.desks import MONDAY, Desk
from tests.samples.pictures import png
from tests.servers.sink import Accepted, Sink

NAME = 'Bund der Städte, Gemeinden & "Kreise" in Ober- und Niederösterreich e. V.: Geschäftsstelle Süd'
TOWNS = [
    ("Saint-Étienne", "info@saint-etienne.example", "fr"),
    ("Γαλάτσι", "info@γαλάτσι.example", "de"),
    ("’s-Hertogenbosch", "info@den-bosch.example", "nl"),
]
ONCE = (
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id", "List-Unsubscribe",
    "Feedback-ID", "Auto-Submitted", "Content-Type",
)  # fmt: skip


@pytest.fixture(scope="module")
def mails(
    blank_workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[tuple[Accepted, EmailMessage]]]:
    place = tmp_path_factory.mktemp("sent")
    with Sink(place / "accepted.jsonl") as sink:
        desk = Desk(blank_workspace, place / "w", smtp_port=sink.port)
        file = desk.folder / "outreach.toml"
        text = file.read_text(encoding="utf-8")
        quoted = NAME.replace('"', '\\"')
        text = text.replace("Association of Towns <", f"{quoted} <", 1)
        text = text.replace("\ncontroller", '\nlogo = "logo.png"\ncontroller', 1)
        file.write_text(text, encoding="utf-8")
        (desk.folder / "logo.png").write_bytes(png(480, 96))
        towns = workspaces.write_list(desk.folder / "towns.csv", TOWNS)
        desk.type("contacts", "import", towns, "--country", "BE", "--apply")
        desk.type("campaigns", "check", "trial", "--country", "BE")
        desk.type("campaigns", "launch", "trial", "--country", "BE", "--yes")
        clock.move_to(MONDAY.replace(hour=12))
        assert desk.run().sent.sent == len(TOWNS)
        desk.close()
        taken = sink.accepted()
    clock.reset()
    yield [
        (one, cast("EmailMessage", message_from_bytes(one.raw, policy=email.policy.default))) for one in taken
    ]
    shutil.rmtree(place)


Mails = list[tuple[Accepted, EmailMessage]]


def test_each_field_stands_there_once(mails: Mails) -> None:
    for _, mail in mails:
        assert {name: len(mail.get_all(name, [])) for name in ONCE} == dict.fromkeys(ONCE, 1)
        assert "Bcc" not in mail
        assert "Precedence" not in mail


def test_headers_are_seven_bits_wide_and_no_line_is_too_long(mails: Mails) -> None:
    for taken, _ in mails:
        head, _, body = taken.raw.partition(b"\r\n\r\n")
        assert head.isascii()
        for line in head.split(b"\r\n"):
            # RFC 5322, section 2.1.1; what cannot be folded may be longer
            assert len(line) <= 78 or b" " not in line.partition(b": ")[2]
            assert len(line) <= 998
        assert max(map(len, body.split(b"\r\n"))) <= 998
        assert taken.raw.count(b"\n") == taken.raw.count(b"\r\n") == taken.raw.count(b"\r")


def test_a_name_with_commas_quotes_and_umlauts_is_whole(mails: Mails) -> None:
    for taken, mail in mails:
        (sender,) = mail["From"].addresses
        assert sender.addr_spec == "digital@office.example"
        raw = re.search(rb"^From:(.*?)\r\n(?! )", taken.raw, re.MULTILINE | re.DOTALL)
        assert raw is not None
        shown, address = parseaddr(raw[1].decode())
        assert address == "digital@office.example"
        assert str(make_header(decode_header(shown))) == NAME


def test_an_internationalised_domain_goes_as_ascii(mails: Mails) -> None:
    assert {one.recipients for one, _ in mails} == {
        ("info@saint-etienne.example",),
        ("info@xn--hxajf0ai3cg.example",),
        ("info@den-bosch.example",),
    }


def test_list_fields(mails: Mails) -> None:
    """RFC 2369, section 3.2; RFC 2919; RFC 8058, section 3.1: the POST field means nothing without https."""
    for taken, mail in mails:
        unsubscribe = str(mail["List-Unsubscribe"])
        assert re.fullmatch(
            r"<mailto:digital@office\.example\?subject=unsubscribe%20or-[a-z0-9]+>", unsubscribe
        )
        assert ("List-Unsubscribe-Post" in mail) == ("<https:" in unsubscribe)
        assert re.fullmatch(r"<trial-be\.office\.example>", str(mail["List-Id"]))
        assert unsubscribe.rpartition("%20")[2].rstrip(">") in taken.message_id


def test_the_logo_goes_with_the_mail_and_stands_in_its_html(mails: Mails) -> None:
    """RFC 2387, RFC 2392: the HTML shows a part of the same message, and nothing from elsewhere."""
    for _, mail in mails:
        related = mail.get_body(("related",))
        assert related is not None
        page, logo = related.iter_parts()
        (picture,) = re.findall(r"<img[^>]*>", page.get_content())
        assert f'src="cid:{str(logo["Content-ID"]).strip("<>")}"' in picture
        assert 'width="240" height="48"' in picture
        assert 'alt="Bund der St' in picture
        assert logo.get_content() == png(480, 96)
        body = mail.get_body(("plain",))
        assert body is not None
        assert "cid:" not in body.get_content()


def test_a_machine_says_that_it_is_one(mails: Mails) -> None:
    """RFC 3834, section 5. Nothing keeps the notes of those who are away from us."""
    for _, mail in mails:
        assert mail["Auto-Submitted"] == "auto-generated"
        assert "X-Auto-Response-Suppress" not in mail


def test_feedback_id_names_the_same_sender_in_every_mail(mails: Mails) -> None:
    """support.google.com, answer 6254652: up to four parts, the last of 5 to 15 characters."""
    senders = set()
    for _, mail in mails:
        parts = str(mail["Feedback-ID"]).split(":")
        assert len(parts) == 4
        assert parts[0] == "invitation"
        assert parts[2] == "trial-be"
        assert 5 <= len(parts[3]) <= 15
        senders.add(parts[3])
    assert senders == {"office.example"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Bund, Städte <a@b.example>", "Bund, Städte"),
        ('"Bund, Städte" <a@b.example>', "Bund, Städte"),
        ('"Jean \\"Le Maire\\" Dupont" <a@b.example>', 'Jean "Le Maire" Dupont'),
        ("Verband: Städte; Gemeinden <a@b.example>", "Verband: Städte; Gemeinden"),
        ("Büro @ Stadt <a@b.example>", "Büro @ Stadt"),
        ("a@b.example", "a@b.example"),
    ],
)
def test_the_name_of_a_sender_is_written_as_it_is(
    blank_workspace: Path, tmp_path: Path, written: str, name: str
) -> None:
    desk = Desk(blank_workspace, tmp_path / "w")
    file = desk.folder / "outreach.toml"
    text = re.sub(
        r"^from = .*$", lambda _: f"from = '{written}'", file.read_text("utf-8"), count=1, flags=re.M
    )
    file.write_text(text, encoding="utf-8")
    sender = settings.load(desk.folder).settings.sender("office")
    assert (sender.display_name, sender.address) == (name, "a@b.example")


@pytest.mark.parametrize(
    "written", ["Bund", "Bund <a@b>", "Bund <a b@c.example>", "Bund <>", "a@b.example, c@d.example"]
)
def test_what_is_no_address_of_a_sender(blank_workspace: Path, tmp_path: Path, written: str) -> None:
    desk = Desk(blank_workspace, tmp_path / "w")
    file = desk.folder / "outreach.toml"
    text = re.sub(
        r"^from = .*$", lambda _: f"from = '{written}'", file.read_text("utf-8"), count=1, flags=re.M
    )
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="is no mail address"):
        settings.load(desk.folder)
