from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outreach.db.outbox import Due
from outreach.delivery.compose import Composer
from outreach.delivery.dkim import read_key
from outreach.delivery.segments import Form
from outreach.errors import SettingsError
from outreach.jobs.press import Press, letterhead
from outreach.settings import load

NOW = datetime(2025, 3, 1, tzinfo=UTC)
PEM = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
DUE = Due(
    id=1, campaign_id=1, recipient_id=1, step="invitation", email="info@town.example",
    email_key="info@town.example", language="de", token="or-abcdefghijklmnopqrstuvwxyz", attempts=0,
    internet_message_id="<or-abcdefghijklmnopqrstuvwxyz@bund.example>", municipality_id=1, person="Büro",
    source="list", source_at=NOW, municipality="Town", country="BE", region=None, time_zone=None,
)  # fmt: skip


def press(root: Path) -> Press:
    (root / "outreach.toml").write_text(
        f'key = "{"k" * 32}"\n[senders.be]\nfrom = "Netz <netz@bund.example>"\ncontroller = "Bund"\n'
        'postal_address = "Platz 1"\ncountries = ["BE"]\nsmtp = { host = "smtp.bund.example" }\n'
        'dkim = { selector = "o1", key_file = "dkim.pem" }\n'
    )
    workspace = load(root)
    sender = workspace.settings.sender("be")
    made = Press(workspace, cast("Any", None), "be", sender)
    plate = SimpleNamespace(
        pictures=(),
        encode=lambda to, token, eight_bit: (
            "Einladung",
            Form(["Guten Tag ", 0, "\n"]).fill(["Büro = ".encode()], eight_bit=eight_bit),
            Form(["<p>Guten  Tag ", 0, "</p>\n\n" * 20]).fill([b"Rat"], eight_bit=eight_bit),
        ),
    )
    composer = Composer(letterhead(sender, "lordimas", "invitation", "de"))
    made._campaigns[1] = cast("Any", (None, SimpleNamespace(session_in=lambda language: None)))
    made._plates[1, "invitation", "de"] = cast("Any", (plate, composer))
    return made


def test_a_mail_leaves_the_press_signed(tmp_path: Path) -> None:
    (tmp_path / "dkim.pem").write_bytes(PEM)
    data = press(tmp_path).mail(DUE, NOW).data
    assert callable(data)
    mail = data(True)
    assert b"Content-Transfer-Encoding: quoted-printable" in mail
    assert b"8bit" not in mail, "a relay that makes 7 bits of 8 would break the signature"
    record = read_key("o1", PEM, "dkim.pem").record.encode()
    looked_up: list[bytes] = []

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        looked_up.append(name)
        return record

    assert mail.startswith(b"DKIM-Signature: ")
    assert dkimpy.verify(mail, dnsfunc=look_up)
    assert looked_up == [b"o1._domainkey.bund.example."]


def test_a_key_that_is_missing_stops_before_the_first_mail(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"dkim\.pem \(senders\.be\.dkim\.key_file\) cannot be read"):
        press(tmp_path)
