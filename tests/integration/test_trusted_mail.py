"""Mails through a real Postfix to Dovecot: they come back byte for byte, and their signatures hold."""

from __future__ import annotations

import email.policy
import quopri
import subprocess
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outreach import clock
from outreach.delivery.compose import Composer, Letter, Letterhead
from outreach.delivery.dkim import Key, Signer, read_key
from outreach.delivery.headers import Mailbox
from outreach.model.states import OutcomeKind
from outreach.model.values import Outcome
from outreach.smtp import Account, Mail, Security, send_unrecorded
from tests.servers.host import MailHost
from tests.servers.process import program

pytestmark = pytest.mark.servers

FORM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
RSA = read_key("r1", rsa.generate_private_key(65537, 2048).private_bytes(*FORM), "rsa.pem")
EDWARDS = read_key("e1", ed25519.Ed25519PrivateKey.generate().private_bytes(*FORM), "ed25519.pem")
DOMAIN = "bund.example"
SIGNER = Signer(DOMAIN, [RSA, EDWARDS])
SENDER = f"netz@{DOMAIN}"


def composed(recipient: str, subject: str = "Πρόσκληση προς τον Δήμο") -> bytes:
    token = "or-abcdefghijklmnopqrstuvwxyz"
    letterhead = Letterhead(Mailbox(SENDER, "Bund, Städte „und“ Gemeinden"), "el", f"lordimas.gr.{DOMAIN}")
    return Composer(letterhead).compose(
        Letter(
            token=token,
            message_id=f"<{token}@{DOMAIN}>",
            recipient=Mailbox(recipient, "Δήμος, Αθηναίων"),
            date=datetime(2025, 3, 1, tzinfo=UTC),
            subject=subject,
            text=".\nFrom hier  \n\n.\nΑξιότιμες κυρίες\n\n\n",
            html="<p>Αξιότιμες κυρίες</p>\n" * 500,
        )
    )


def quoted_printable(recipient: str) -> bytes:
    text = "From oben: Grüße \n.\n..\n\tTab und  zwei Leerzeichen\n" + "lange Zeile é " * 20 + "\n\n\n"
    body = quopri.encodestring(text.encode()).replace(b"\n", b"\r\n")
    return (
        f"From: Bund <{SENDER}>\r\nTo: <{recipient}>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        f"  und eine\r\n\tFaltung\r\nMessage-ID: <qp@{DOMAIN}>\r\nDate: Sat, 01 Mar 2025 00:00:00 +0000\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode() + body


def eight_bit(recipient: str) -> bytes:
    return quoted_printable(recipient).partition(b"\r\n\r\n")[0].replace(b"quoted-printable", b"8bit") + (
        "\r\n\r\nGrüße, Αξιότιμες \r\n.\r\n\r\n".encode()
    )


def send(host: MailHost, recipient: str, raw: bytes, sender: str = SENDER) -> Outcome:
    account = Account(host.host, host.smtp_port, Security.PLAIN, timeout=20)
    (outcome,) = send_unrecorded(account, [Mail(1, sender, recipient, raw)])
    return outcome


def records(*keys: Key) -> dict[str, str]:
    return {key.place(DOMAIN): key.record for key in keys}


def dkimpy_says(raw: bytes) -> list[bool]:
    found = records(RSA, EDWARDS)

    def look_up(name: bytes, timeout: int = 5) -> bytes | None:
        record = found.get(name.decode().rstrip("."))
        return None if record is None else record.encode()

    return [dkimpy.DKIM(raw).verify(idx=index, dnsfunc=look_up) for index in (0, 1)]


def opendkim_says(raw: bytes, folder: Path) -> str:
    """What the verifier of many Postfix servers prints; it looks at the keys of a file instead of the DNS."""
    (folder / "keys").write_text("".join(f"{name} {text}\n" for name, text in records(RSA, EDWARDS).items()))
    (folder / "opendkim.conf").write_text(f"Mode v\nTestPublicKeys {folder}/keys\n")
    (folder / "mail.eml").write_bytes(raw)
    told = subprocess.run(
        [program("opendkim"), "-f", "-x", folder / "opendkim.conf", "-t", folder / "mail.eml", "-v", "-v"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return told.stdout + told.stderr


@pytest.mark.parametrize("make", [composed, quoted_printable, eight_bit])
def test_a_signed_mail_comes_back_as_it_left(mail_host: MailHost, make: object, tmp_path: Path) -> None:
    name = make.__name__.replace("_", "-")  # type: ignore[attr-defined]
    recipient = f"{name}@trusted.example"
    mail_host.add_mailbox(recipient)
    raw = make(recipient)  # type: ignore[operator]
    raw = SIGNER.sign(raw, clock.now()) + raw
    assert send(mail_host, recipient, raw).kind is OutcomeKind.ACCEPTED
    back = mail_host.wait_messages(recipient, 1)[0]
    assert back[back.index(b"DKIM-Signature:") :] == raw
    assert dkimpy_says(back) == [True, True]
    with pytest.raises(dkimpy.ValidationError, match="body hash mismatch"):
        dkimpy_says(back + b"one more line\r\n")
    said = opendkim_says(back, tmp_path)
    assert said.count("dkim=pass") == 2, said
    assert "header.a=rsa-sha256 header.s=r1" in said
    assert "header.a=ed25519-sha256 header.s=e1" in said
    assert "dkim=fail" in opendkim_says(back + b"one more line\r\n", tmp_path)


def test_an_internationalised_domain_needs_nothing_of_the_server(mail_host: MailHost) -> None:
    mailbox = "info@xn--jxalzmp.example"
    mail_host.add_mailbox(mailbox)
    raw = composed("info@δήμος.example")
    assert raw.isascii()
    outcome = send(mail_host, "info@δήμος.example", raw, "netz@büro.example")
    assert outcome.kind is OutcomeKind.ACCEPTED, outcome
    (back,) = mail_host.wait_messages(mailbox, 1)
    assert b"Return-Path: <netz@xn--bro-hoa.example>" in back
    assert back[back.index(b"Date:") :] == raw


def test_a_local_part_beyond_ascii_goes_to_a_server_with_smtputf8(mail_host: MailHost) -> None:
    mail_host.add_mailbox("dimos@utf8.example")
    mail_host.add_utf8_address("δήμος@utf8.example", "dimos@utf8.example")
    raw = composed("δήμος@utf8.example")
    assert not raw.isascii()
    raw = SIGNER.sign(raw, clock.now()) + raw
    outcome = send(mail_host, "δήμος@utf8.example", raw)
    assert outcome.kind is OutcomeKind.ACCEPTED, outcome
    (back,) = mail_host.wait_messages("dimos@utf8.example", 1)
    assert back[back.index(b"DKIM-Signature:") :] == raw
    assert b"with UTF8SMTP" in back  # RFC 6531, section 4.3
    assert dkimpy_says(back) == [True, True]
    message = message_from_bytes(back, policy=email.policy.SMTPUTF8)
    assert "δήμος@utf8.example" in back.decode()
    assert message["Subject"] == "Πρόσκληση προς τον Δήμο"
