from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outreach import clock
from outreach.errors import SettingsError
from outreach.jobs import signing
from outreach.settings import Workspace, load

FORM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
RSA = rsa.generate_private_key(65537, 2048).private_bytes(*FORM)
EDWARDS = ed25519.Ed25519PrivateKey.generate().private_bytes(*FORM)
MESSAGE = b"From: netz@bund.example\r\n\r\nGuten Tag\r\n"


def workspace(root: Path, dkim: str) -> Workspace:
    (root / "secrets").mkdir()
    (root / "secrets/key").write_text("k" * 32)
    (root / "keys").mkdir()
    (root / "keys/rsa.pem").write_bytes(RSA)
    (root / "keys/ed25519.pem").write_bytes(EDWARDS)
    (root / "outreach.toml").write_text(
        '[senders.be]\nfrom = "Netz <netz@büro.example>"\ncontroller = "Bund"\npostal_address = "Platz 1"\n'
        'countries = ["BE"]\nsmtp = { host = "smtp.bund.example" }\n' + dkim
    )
    return load(root)


def header(place: Workspace) -> bytes:
    signer = signing.signer(place, "be")
    assert signer is not None
    return signer.sign(MESSAGE, clock.now())


def test_without_the_section_nothing_is_signed(tmp_path: Path) -> None:
    assert signing.signer(workspace(tmp_path, ""), "be") is None


def test_a_key_file_of_the_workspace_and_the_domain_of_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workspace(tmp_path, '[senders.be.dkim]\nselector = "o1"\nkey_file = "keys/rsa.pem"\n')
    monkeypatch.chdir("/")
    signed = header(place)
    assert signed.count(b"DKIM-Signature") == 1
    assert b"d=xn--bro-hoa.example;" in signed
    assert b"s=o1;" in signed
    assert b"a=rsa-sha256;" in signed


def test_two_keys_and_another_domain(tmp_path: Path) -> None:
    place = workspace(
        tmp_path,
        '[senders.be.dkim]\nselector = "o1"\nkey_file = "keys/rsa.pem"\ndomain = "bund.example"\n'
        'second = { selector = "o2", key_file = "keys/ed25519.pem" }\n',
    )
    signed = header(place)
    assert signed.count(b"d=bund.example;") == 2
    assert b"a=ed25519-sha256;" in signed


def test_a_key_from_the_secrets_is_in_no_repr(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/senders__be__dkim__key").write_bytes(EDWARDS)
    (tmp_path / "secrets").rename(tmp_path / "kept")
    place = workspace(tmp_path, '[senders.be.dkim]\nselector = "o1"\nkey_file = "keys/rsa.pem"\n')
    (tmp_path / "kept/senders__be__dkim__key").rename(tmp_path / "secrets/senders__be__dkim__key")
    with pytest.raises(SettingsError, match="either key_file, or key"):
        load(place.root)
    text = (tmp_path / "outreach.toml").read_text()
    (tmp_path / "outreach.toml").write_text(text.replace('key_file = "keys/rsa.pem"\n', ""))
    place = load(place.root)
    assert b"a=ed25519-sha256;" in header(place)
    assert EDWARDS.decode().splitlines()[1] not in repr(place.settings)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('key_file = "keys/none.pem"', r"keys/none\.pem \(senders\.be\.dkim\.key_file\) cannot be read"),
        ('key_file = "outreach.toml"', r"outreach\.toml \(senders\.be\.dkim\.key_file\)"),
        ('key_file = "keys/rsa.pem"\ndomain = "a b"', r"senders\.be\.dkim\.domain"),
        ('key_file = "keys/rsa.pem"\nleave_out = ["From"]', r"senders\.be\.dkim: .*From"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, line: str, words: str) -> None:
    place = workspace(tmp_path, f'[senders.be.dkim]\nselector = "o1"\n{line}\n')
    with pytest.raises(SettingsError, match=words) as raised:
        signing.signer(place, "be")
    assert raised.value.remedy
