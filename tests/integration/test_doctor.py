"""`outreach doctor` against a private DNS, a real Postfix and Dovecot, and workspaces with faults."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from outreach import settings
from outreach.db.engine import Database
from outreach.doctor import Finding, Severity, answers, machine, probe, servers
from outreach.doctor.domain import Published, check_domain
from outreach.doctor.names import Names, UnansweredError
from outreach.errors import InputError
from outreach.settings import Sender, Settings, Workspace
from tests import histories, workspaces
from tests.servers.certificates import Certificates
from tests.servers.dns import NameServer
from tests.servers.host import MailHost

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

GOOD: dict[tuple[str, str], list[str]] = {
    ("town.example", "MX"): ["10 mx.town.example.", "20 mx2.town.example."],
    ("mx.town.example", "A"): ["192.0.2.25"],
    ("mx2.town.example", "AAAA"): ["2001:db8::25"],
    ("town.example", "TXT"): [
        '"google-site-verification=x"',
        '"v=spf1 mx include:_spf.relay." "example -all"',
    ],
    ("_spf.relay.example", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 ~all"'],
    ("_dmarc.town.example", "TXT"): ['"v=DMARC1; p=reject; rua=mailto:dmarc@town.example"'],
    ("key._domainkey.town.example", "TXT"): [
        '"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="'  # RFC 8463, appendix A.2
    ],
}

_numbers = count(1)


def look(
    records: Mapping[tuple[str, str], Sequence[str]],
    *,
    selectors: Sequence[str] = ("key",),
    smtp_host: str = "smtp.relay.example",
    domain: str = "town.example",
    **more: Any,
) -> list[Finding]:
    options: dict[str, Any] = {"envelope": domain, "replies": domain} | {
        name: more.pop(name) for name in ("envelope", "replies", "keys") if name in more
    }
    with NameServer(records, **more) as server:
        names = Names(server.resolver, seconds=1.0)
        return list(
            check_domain(
                names, sender="mine", domain=domain, smtp_host=smtp_host, selectors=selectors, **options
            )
        )


def told(findings: Iterable[Finding], about: str) -> list[tuple[Severity, str]]:
    return [(one.severity, one.found) for one in findings if one.looked_at.startswith(about)]


def test_a_domain_in_order() -> None:
    findings = look(GOOD)
    assert told(findings, "MX") == [(Severity.OK, "mx.town.example, mx2.town.example")]
    assert told(findings, "SPF") == [(Severity.OK, "-all, 2 of at most 10 look-ups")]
    assert told(findings, "DKIM") == [(Severity.OK, "ed25519, 256 bits")]
    assert told(findings, "DMARC") == [
        (Severity.OK, "policy reject; the envelope is of town.example: aligned")
    ]
    assert all(one.sender == "mine" and not one.remedy for one in findings)


def test_a_domain_without_anything_says_so_with_remedies() -> None:
    findings = look({("town.example", "A"): ["192.0.2.1"]}, selectors=())
    assert [(one.looked_at.split()[0], one.severity) for one in findings] == [
        ("MX", Severity.WARNING),
        ("SPF", Severity.ERROR),
        ("DKIM", Severity.WARNING),
        ("DMARC", Severity.WARNING),
    ]
    assert all(one.remedy for one in findings)


@pytest.mark.parametrize(
    ("name", "kind", "records", "about", "severity", "words"),
    [
        ("town.example", "MX", ["0 ."], "MX", Severity.ERROR, "takes no mail at all"),
        ("town.example", "MX", ["10 gone.town.example."], "MX", Severity.ERROR, "has no address"),
        (
            "town.example", "MX", ["10 mx.town.example.", "20 gone.town.example."],
            "MX", Severity.WARNING, "gone.town.example has no address",
        ),
        ("town.example", "TXT", ['"v=spf1 mx -all"', '"v=spf1 -all"'], "SPF", Severity.ERROR, "2 SPF records"),
        ("town.example", "TXT", ['"v=spf1 mx +all"'], "SPF", Severity.ERROR, "everybody may send"),
        ("town.example", "TXT", ['"v=spf1 mx"'], "SPF", Severity.WARNING, "does not say"),
        ("town.example", "TXT", ['"v=spf1 mx ptr -all"'], "SPF", Severity.WARNING, "uses ptr"),
        ("town.example", "TXT", ['"v=spf1 ipv4:192.0.2.1 -all"'], "SPF", Severity.ERROR, "no such mechanism"),
        ("town.example", "TXT", ['"v=spf1 ' + "mx " * 11 + '-all"'], "SPF", Severity.ERROR, "11 terms ask"),
        ("key._domainkey.town.example", "TXT", ['"v=DKIM1; p="'], "DKIM", Severity.ERROR, "revoked"),
        ("key._domainkey.town.example", "TXT", ['"v=DKIM1; p=xyz"'], "DKIM", Severity.ERROR, "p="),
        ("key._domainkey.town.example", "TXT", ['"p="', '"v=DKIM1; p="'], "DKIM", Severity.ERROR, "2 records"),
        ("_dmarc.town.example", "TXT", ['"v=DMARC1; p=none"'], "DMARC", Severity.WARNING, "nobody gets its reports"),
        ("_dmarc.town.example", "TXT", ['"v=DMARC1; p=x"'], "DMARC", Severity.ERROR, "p=x is no policy"),
        (
            "_dmarc.town.example", "TXT", ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"'],
            "DMARC", Severity.ERROR, "2 records",
        ),
    ],
)  # fmt: skip
def test_one_fault_in_a_domain_is_found_alone(
    name: str, kind: str, records: list[str], about: str, severity: Severity, words: str
) -> None:
    faults = [one for one in look({**GOOD, (name, kind): records}) if one.severity is not Severity.OK]
    assert [(one.looked_at.split()[0], one.severity) for one in faults] == [(about, severity)]
    assert words in faults[0].found
    assert faults[0].remedy


def test_a_record_of_the_organisation_holds_for_what_is_below() -> None:
    records = {
        **GOOD,
        ("news.town.example", "MX"): ["10 mx.town.example."],
        ("news.town.example", "TXT"): ['"v=spf1 mx -all"'],
        ("_dmarc.town.example", "TXT"): [
            '"v=DMARC1; p=reject; sp=quarantine; aspf=s; rua=mailto:a@town.example"'
        ],
    }
    options: dict[str, Any] = {"domain": "news.town.example", "selectors": ()}
    assert told(look(records, **options), "DMARC") == [
        (
            Severity.OK,
            "policy quarantine, from _dmarc.town.example; the envelope is of news.town.example: aligned",
        )
    ]
    ((severity, found),) = told(look(records, envelope="town.example", **options), "DMARC")
    assert severity is Severity.ERROR
    assert "SPF counts for the very domain of From only" in found


def test_the_key_in_the_dns_is_the_one_mails_are_signed_with() -> None:
    (record,) = (text.strip('"') for text in GOOD["key._domainkey.town.example", "TXT"])
    other = record.replace("p=11qY", "p=22qY")
    place = "key._domainkey.town.example"

    def found(key: Published, records: Mapping[tuple[str, str], Sequence[str]] = GOOD) -> list[Finding]:
        return [
            one
            for one in look(records, selectors=(), keys=(key,), smtp_host="smtp.gmail.com")
            if one.looked_at.startswith(("DKIM", "DMARC"))
        ]

    assert {one.severity for one in found(Published(place, "town.example", record))} == {Severity.OK}
    fault = found(Published(place, "town.example", other))[0]
    assert (fault.severity, fault.remedy) == (
        Severity.ERROR,
        f"Publish this TXT record at {place}: {other}",
    )
    assert "another key" in fault.found
    fault = found(Published("new" + place, "town.example", record))[0]
    assert (fault.severity, fault.found.split(":")[0]) == (Severity.ERROR, "no record")
    faults = found(Published(place, "relay.example", record))
    assert [one.severity for one in faults] == [Severity.OK, Severity.OK, Severity.ERROR]
    assert "our signatures are of relay.example" in faults[-1].found


def test_the_domain_of_the_reply_address_has_to_take_mail_too() -> None:
    findings = look(GOOD, replies="elsewhere.example")
    assert told(findings, "MX of elsewhere.example")[0][0] is Severity.ERROR
    assert told(findings, "MX of town.example")[0][0] is Severity.OK


def test_a_provider_is_known_by_its_server() -> None:
    microsoft: dict[str, Any] = {"selectors": (), "smtp_host": "smtp.office365.com"}
    findings = look(GOOD, **microsoft)
    assert "spf.protection.outlook.com" in told(findings, "SPF")[0][1]
    assert told(findings, "DKIM")[0][0] is Severity.ERROR
    records = {
        **GOOD,
        ("town.example", "TXT"): ['"v=spf1 include:spf.protection.outlook.com -all"'],
        ("spf.protection.outlook.com", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
        ("selector2._domainkey.town.example", "TXT"): GOOD["key._domainkey.town.example", "TXT"],
    }
    findings = look(records, **microsoft)
    assert {one.severity for one in findings} == {Severity.OK}
    assert [one.looked_at for one in findings if one.looked_at.startswith("DKIM")] == [
        "DKIM key selector2._domainkey.town.example"
    ]


@pytest.mark.parametrize("fault", ["silent", "broken"])
def test_no_answer_is_not_the_same_as_nothing_there(fault: str) -> None:
    findings = look(GOOD, **{fault: ["_dmarc.town.example"]})
    ((severity, found),) = told(findings, "DMARC")
    assert severity is Severity.WARNING
    why = {"silent": "nothing within 1 seconds", "broken": "the DNS server failed or refused"}[fault]
    assert found == f"The DNS gave no answer about _dmarc.town.example (TXT): {why}."
    assert told(findings, "SPF")[0][0] is Severity.OK


def test_names_in_other_letters_are_asked_in_ascii() -> None:
    with NameServer({("xn--bhl-hoa.example", "TXT"): ['"v=spf1 -all"']}) as server:
        assert Names(server.resolver).txt("bühl.example") == ["v=spf1 -all"]
        with pytest.raises(UnansweredError):
            Names(server.resolver, seconds=0.5).txt("a" * 70 + ".example")


@pytest.mark.parametrize("text", ["dns.example", "127.0.0.1:x", "127.0.0.1:0", "[::1", ""])
def test_a_resolver_that_is_none(text: str) -> None:
    with pytest.raises(InputError, match="no address of a DNS server"):
        Names(text)


# this machine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return workspaces.create(tmp_path / "workspace")


def doctor(folder: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    done = workspaces.command("-w", folder, "doctor", "--json", *options)
    assert done.err == ""
    return done.code, json.loads(done.out)


def faults(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["severity"], one["looked_at"]) for one in findings if one["severity"] != "ok"]


def test_a_new_workspace_is_in_order_but_has_no_sender(folder: Path) -> None:
    code, findings = doctor(folder, "--offline")
    assert code == 0
    assert faults(findings) == [("warning", "outreach.toml")]
    assert {"workspace", "campaigns", "permissions", "database outreach.db", "disk", "clock"} <= {
        one["looked_at"] for one in findings
    }


def test_files_that_others_may_read_are_told_with_the_line_that_mends_it(folder: Path) -> None:
    (folder / "secrets" / "key").chmod(0o640)
    (folder / "secrets").chmod(0o755)
    (folder / "outreach.db").chmod(0o604)
    _, findings = doctor(folder, "--offline")
    remedies = {one["looked_at"]: one["remedy"] for one in findings if "permissions" in one["looked_at"]}
    assert remedies == {
        "permissions of secrets": f"Type: chmod 700 {folder}/secrets",
        "permissions of secrets/key": f"Type: chmod 600 {folder}/secrets/key",
        "permissions of outreach.db": f"Type: chmod 600 {folder}/outreach.db",
    }
    for remedy in remedies.values():
        assert os.system(remedy.removeprefix("Type: ")) == 0
    assert [one for one in doctor(folder, "--offline")[1] if "permissions of" in one["looked_at"]] == []


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        ("", False),
        ('[senders.mine.smtp]\nusername = "x"', False),
        ('[senders.mine.smtp]\npassword = "x"', True),
        ('database = "postgresql://outreach:secret@db.example/outreach"', True),
        ('database = "postgresql://outreach@db.example/outreach"', False),
    ],
)
def test_settings_are_secret_when_they_hold_a_password(tmp_path: Path, text: str, is_secret: bool) -> None:
    (tmp_path / "outreach.toml").write_text(text)
    (tmp_path / "outreach.toml").chmod(0o644)
    found = [one.looked_at for one in machine.check_files(tmp_path, None)]
    assert found == (["permissions of outreach.toml"] if is_secret else [])


def test_a_private_key_that_others_may_read(folder: Path) -> None:
    key = folder / "dkim.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    key.chmod(0o644)
    server = {"host": "smtp.town.example"}
    (folder / "outreach.toml").write_text(
        workspaces.sender("mine", "a@town.example", ["BE"], server)
        + '[senders.mine.dkim]\nselector = "key"\nkey_file = "dkim.pem"\n'
    )
    _, findings = doctor(folder, "--offline")
    assert faults(findings) == [("warning", "permissions of dkim.pem")]


def test_settings_that_everybody_may_change(tmp_path: Path) -> None:
    (tmp_path / "outreach.toml").write_text("")
    (tmp_path / "outreach.toml").chmod(0o646)
    (found,) = machine.check_files(tmp_path, None)
    assert found.remedy == f"Type: chmod o-w {tmp_path}/outreach.toml"


def test_wrong_settings_are_a_finding_and_the_files_are_looked_at_all_the_same(folder: Path) -> None:
    (folder / "outreach.toml").write_text("databas = 1\n")
    (folder / "secrets" / "key").chmod(0o644)
    code, findings = doctor(folder)
    assert code == 1
    assert faults(findings) == [("error", "settings"), ("warning", "permissions of secrets/key")]


def test_a_broken_campaign_file(folder: Path) -> None:
    (folder / "campaigns" / "lordimas.toml").write_text("title = \n")
    code, findings = doctor(folder, "--offline")
    assert (code, faults(findings)[0]) == (1, ("error", "campaigns/lordimas.toml"))


def test_a_database_that_is_absent_or_damaged(folder: Path) -> None:
    path = folder / "outreach.db"
    with closing(sqlite3.connect(path)) as reader:
        (root,) = reader.execute("SELECT rootpage FROM sqlite_master WHERE name = 'attempt'").fetchone()
        (size,) = reader.execute("PRAGMA page_size").fetchone()
    kept = path.read_bytes()
    path.unlink()
    code, findings = doctor(folder, "--offline")
    assert (code, ("error", "database") in faults(findings)) == (1, True)
    path.write_bytes(b"this is no database" * 100)
    code, findings = doctor(folder, "--offline")
    assert (code, ("error", "database") in faults(findings)) == (1, True)
    pages = bytearray(kept)
    pages[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(pages)
    code, findings = doctor(folder, "--offline")
    assert code == 1
    assert any(one["looked_at"].startswith("database") and "damaged" in one["found"] for one in findings)


def test_a_database_that_knows_the_future_means_a_wrong_clock(folder: Path) -> None:
    workspace = settings.load(folder)
    database = Database(workspace.database_url)
    with database.write() as connection:
        histories.add(
            connection,
            histories.schema.audit,
            at=NOW + timedelta(hours=1),
            actor="a",
            action="b",
            subject="c",
        )
    database.close()
    assert [one.severity for one in machine.check_database(workspace, NOW) if one.looked_at == "clock"] == [
        Severity.WARNING
    ]
    later = NOW + timedelta(hours=1)
    assert [one.severity for one in machine.check_database(workspace, later) if one.looked_at == "clock"] == [
        Severity.OK
    ]


@pytest.mark.parametrize(
    ("free", "severity"), [(10 << 20, Severity.ERROR), (500 << 20, Severity.WARNING), (5 << 30, Severity.OK)]
)
def test_room_on_the_disk(
    folder: Path, free: int, severity: Severity, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    found = machine.check_database(settings.load(folder), NOW)
    assert [one.severity for one in found if one.looked_at == "disk"] == [severity]


def test_wishes_that_cannot_be(folder: Path) -> None:
    assert workspaces.command("-w", folder, "doctor", "--offline", "--probe").code == 4
    assert workspaces.command("-w", folder, "doctor", "--resolver", "nowhere").code == 4
    assert workspaces.command("-w", folder, "doctor", "--sender", "nobody", "--offline").code == 3


# the mail servers


@pytest.fixture
def address(mail_host: MailHost) -> str:
    address = f"patient{next(_numbers)}@doctor.example"
    mail_host.add_mailbox(address, "secret")
    return address


def workspace_of(values: dict[str, Any]) -> Workspace:
    """A workspace with the one sender ``mine``."""
    return Workspace(Path.cwd(), Settings.model_construct(senders={"mine": Sender.model_validate(values)}))


def sender(mail_host: MailHost, address: str, **more: Any) -> Workspace:
    server = {"host": "127.0.0.1", "username": address, "password": "secret", "ca_file": mail_host.ca_file}
    values = {
        "from": address,
        "controller": "Association",
        "postal_address": "1 Market Square",
        "countries": ["BE"],
        "smtp": {**server, "port": mail_host.smtp_port, "security": "starttls", **more.pop("smtp", {})},
        "imap": {**server, "port": mail_host.imaps_port, "security": "tls", **more.pop("imap", {})},
        **more,
    }
    return workspace_of(values)


@pytest.mark.servers
def test_servers_that_let_us_in(mail_host: MailHost, address: str) -> None:
    now = datetime.now(UTC)
    mine = sender(mail_host, address)
    said = [one.found for one in servers.check_smtp(mine, "mine", now)]
    assert said[0] == f"signed in as {address}; offers PIPELINING, 8BITMIME, SIZE, SMTPUTF8"
    assert said[1].startswith("its certificate ends on"), "the tests' certificate is good for two days"
    severities = [(one.severity, one.found) for one in servers.check_imap(mine, "mine", now)]
    assert severities[0][1].startswith(f"signed in as {address}; folder INBOX, UIDVALIDITY ")
    assert (Severity.OK, f"the Sent folder is {mail_host.sent_folder}") in severities
    assert (Severity.OK, "offers IDLE and CONDSTORE") in severities
    assert severities[-1][0] is Severity.WARNING
    assert "in 1 days" in severities[-1][1]


@pytest.mark.servers
def test_certificates_by_the_days_they_have_left(mail_host: MailHost, address: str) -> None:
    mine = sender(mail_host, address)
    for days, severity in ((-30, Severity.OK), (0, Severity.WARNING), (30, Severity.ERROR)):
        now = datetime.now(UTC) + timedelta(days=days)
        findings = [*servers.check_smtp(mine, "mine", now), *servers.check_imap(mine, "mine", now)]
        found = [one.severity for one in findings if "certificate" in one.found]
        assert found == [severity, severity]


@pytest.mark.servers
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "wrong"}, "refused the sign-in"),
        ({"port": 1}, "127.0.0.1:1"),
        ({"ca_file": None}, "certificate"),
        ({"folders": ["INBOX", "Answers"]}, "no folder 'Answers'"),
    ],
)
def test_servers_that_do_not(mail_host: MailHost, address: str, changes: dict[str, Any], words: str) -> None:
    now = datetime.now(UTC)
    found = list(servers.check_imap(sender(mail_host, address, imap=changes), "mine", now))
    (fault,) = [one for one in found if one.severity is Severity.ERROR]
    assert words in fault.found
    assert fault.remedy
    if "folders" not in changes:
        (fault,) = servers.check_smtp(sender(mail_host, address, smtp=changes), "mine", now)
        assert fault.severity is Severity.ERROR
        assert fault.remedy


def test_a_password_that_is_missing_and_a_mailbox_that_is_not_read() -> None:
    mine = workspace_of(
        {
            "from": "a@town.example",
            "controller": "A",
            "postal_address": "B",
            "countries": ["BE"],
            "smtp": {"host": "smtp.town.example", "username": "a"},
        }
    )
    (fault,) = servers.check_smtp(mine, "mine", NOW)
    assert (fault.severity, "senders__mine__smtp__password" in fault.remedy) == (Severity.ERROR, True)
    (fault,) = servers.check_imap(mine, "mine", NOW)
    assert fault.severity is Severity.WARNING


def probed(mine: Workspace, seconds: float = 15.0, now: datetime | None = None) -> list[Finding]:
    token = f"probe-test{next(_numbers)}"
    return list(
        probe.check_plus_address(mine, "mine", token, lambda: now or datetime.now(UTC), seconds=seconds)
    )


@pytest.mark.servers
def test_a_mailbox_with_plus_addresses(mail_host: MailHost, address: str) -> None:
    (found,) = probed(sender(mail_host, address))
    assert (found.severity, found.found) == (
        Severity.WARNING,
        "the mail arrived, and plus_addressing is false",
    )
    assert found.remedy.startswith("Write plus_addressing = true into [senders.mine].")
    (found,) = probed(sender(mail_host, address, plus_addressing=True))
    assert (found.severity, found.found) == (
        Severity.OK,
        "the mail arrived; plus_addressing = true is right",
    )


@pytest.mark.servers
def test_a_mailbox_without(mail_host: MailHost) -> None:
    # Postfix refuses every recipient there; signing in and reading work.
    address = f"patient{next(_numbers)}@blocked.example"
    mail_host.add_mailbox(address, "secret")
    (found,) = probed(sender(mail_host, address))
    assert found.severity is Severity.OK
    assert "plus_addressing = false is right" in found.found
    assert "550" in found.found
    (found,) = probed(sender(mail_host, address, plus_addressing=True))
    assert found.severity is Severity.WARNING
    assert "Write plus_addressing = false" in found.remedy


@pytest.mark.servers
def test_a_server_that_puts_the_mail_off_tells_nothing(mail_host: MailHost) -> None:
    address = f"patient{next(_numbers)}@busy.example"
    mail_host.add_mailbox(address, "secret")
    for plus_addressing in (False, True):
        (found,) = probed(sender(mail_host, address, plus_addressing=plus_addressing))
        assert found.severity is Severity.WARNING
        assert "so it is not known: 450" in found.found


@pytest.mark.servers
def test_a_mail_that_comes_back_or_never_comes(mail_host: MailHost, address: str) -> None:
    # late.example accepts every address, and answers for one without a mailbox with a delivery report.
    unknown = f"nobody{next(_numbers)}@late.example"
    mine = sender(mail_host, address, reply_to=unknown)
    (found,) = probed(mine)
    assert "the mail came back" in found.found
    other = f"patient{next(_numbers)}@doctor.example"
    mail_host.add_mailbox(other, "secret")
    (found,) = probed(sender(mail_host, address, reply_to=other), seconds=0.5)
    assert "did not arrive within 0.5 seconds" in found.found


@pytest.mark.servers
def test_the_mail_server_s_clock_shows_when_ours_is_wrong(mail_host: MailHost, address: str) -> None:
    found = probed(
        sender(mail_host, address, plus_addressing=True), now=datetime.now(UTC) - timedelta(hours=2)
    )
    assert [one.looked_at for one in found if one.severity is Severity.WARNING] == ["clock"]
    assert "later than this machine sent it" in found[-1].found


@pytest.mark.servers
def test_the_whole_of_it_on_the_command_line(folder: Path, mail_host: MailHost, address: str) -> None:
    server = {"host": "127.0.0.1", "security": "plain", "username": address, "password": "secret"}
    (folder / "outreach.toml").write_text(
        workspaces.sender(
            "mine",
            address,
            ["BE"],
            {**server, "port": mail_host.smtp_port},
            {**server, "port": mail_host.imap_port},
        )
    )
    (folder / "outreach.toml").chmod(0o600)
    records = {
        (name.replace("town.example", "doctor.example"), kind): [
            one.replace("town.example", "doctor.example") for one in values
        ]
        for (name, kind), values in GOOD.items()
    }
    with NameServer(records) as server_:
        options = ("--resolver", server_.resolver, "--selector", "key", "--sender", "mine", "--probe")
        code, findings = doctor(folder, *options)
        assert (code, faults(findings)) == (0, [("warning", f"plus address {address.replace('@', '+...@')}")])
        shown = workspaces.command("-w", folder, "doctor", *options)
        assert shown.code == 0
        assert "\nSender mine\n" in shown.out
        assert "\nErrors: 0. Warnings: 1. In order: " in shown.out
        del server_.records["doctor.example", "TXT"]
        assert workspaces.command("-w", folder, "doctor", *options[:4]).code == 1


def test_the_answer_pages_are_asked_for_themselves(
    tmp_path: Path, blank_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name and over TLS, as a browser asks."""

    certificates = Certificates(tmp_path)

    class Front(BaseHTTPRequestHandler):
        said = answers.GREETING

        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/pages/" else 502)
            self.end_headers()
            self.wfile.write(self.said)

        def log_message(self, *_: object) -> None: ...

    front = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    front.socket = certificates.context(certificates.good).wrap_socket(front.socket, server_side=True)
    threading.Thread(target=front.serve_forever, daemon=True).start()

    def found(path: str) -> Finding:
        url = f"https://localhost:{front.server_port}{path}"
        server = {"host": "127.0.0.1", "port": 1, "security": "plain"}
        text = workspaces.sender("office", "a@town.example", ["BE"], smtp=server, answer_url=url)
        folder = Path(shutil.copytree(blank_workspace, tmp_path / f"w{next(_numbers)}"))
        (folder / "outreach.toml").write_text(text)
        (one,) = answers.check_pages(settings.load(folder), "office")
        return one

    try:
        stranger = found("/pages")
        assert (stranger.severity, "certificate verify failed" in stranger.found) == (Severity.ERROR, True)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.good))
        assert found("/pages").severity is Severity.OK
        assert "502" in found("/other").found
        Front.said = b"A shop"
        assert "something else" in found("/pages").found
    finally:
        front.shutdown()
        front.server_close()
    assert "cannot be reached" in found("/pages").found
