"""Countries apart: a member's account sees nothing of another country, whatever it types; a coordinator's only
counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.main import get_command

from outreach import cli, clock, settings
from outreach.db import mailbox, proposals, schema
from outreach.db.engine import Database
from outreach.model.states import (
    AttendanceState,
    InboundKind,
    InboxState,
    Presence,
    ProposalReason,
    RegistrationState,
    Rung,
)
from outreach.report import counts_file
from tests import databases, figures, histories, workspaces
from tests.workspaces import Done, command

OFFICE = "digital@office.example"
FR, BE = ("--country", "FR"), ("--country", "BE")
#: What must never be seen by Belgium's account: addresses, names, towns, texts of France.
SECRETS = ("rochelle", "martin", "bonjour", "stop-fr")

ACCOUNTS = """
[accounts.belgium]
countries = ["BE"]
[accounts.oasc]
role = "coordinator"
[accounts.cron]
role = "operator"
"""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of two countries, each with a contact, a launched campaign, a mail that is uncertain, an answer
    and a proposal."""
    folder = tmp_path_factory.mktemp("accounts") / "w"
    url = databases.postgres_url() if request.param == "postgresql" else "sqlite:///outreach.db"
    text = f'database = "{url}"\n' + "".join(
        workspaces.sender(name, OFFICE, [country], smtp={"host": "127.0.0.1", "port": 9, "security": "plain"})
        for name, country in (("be", "BE"), ("fr", "FR"))
    )
    workspaces.create(folder, text + ACCOUNTS)
    header = "Commune,Email,Langue,Nom"
    lists = {
        "BE": [
            ("Aalst-Noord", "info@aalst.example", "nl", ""),
            ("Aalst-Noord", "jan.maes@aalst.example", "nl", "Jan Maes"),
        ],
        "FR": [
            ("La Rochelle-Haute", "mairie@rochelle.example", "fr", ""),
            ("La Rochelle-Haute", "luc.martin@rochelle.example", "fr", "Luc Martin"),
        ],
    }
    for country, rows in lists.items():
        path = workspaces.write_list(folder / f"{country}.csv", rows, header)
        for words in (
            ("contacts", "import", path, "--country", country, "--apply"),
            ("campaigns", "check", "helpdesk", "--country", country),
            ("campaigns", "launch", "helpdesk", "--country", country, "--yes"),
        ):
            typed(folder, "cron", *words).ok()
    typed(folder, "cron", "suppress", "add", "stop-fr@rochelle.example").ok()
    typed(folder, "cron", "suppress", "add", "rochelle.example").ok()
    member = Ed25519PrivateKey.generate()
    with (folder / "outreach.toml").open("a") as file:
        key = counts_file.encode_key(member.public_key().public_bytes_raw())
        file.write(f'[members.greece]\nkey = "{key}"\ncountries = ["GR"]\n')
    nothing = counts_file.content([], base=5, organisations=[], made_at=clock.now())
    (folder / "counts.json").write_bytes(counts_file.signed(nothing, member))
    database = opened(folder)
    with database.write() as connection:
        connection.execute(sa.update(schema.message).values(state="uncertain", handed_at=clock.now()))
        for number, (id_, sender) in enumerate(
            connection.execute(sa.select(schema.message.c.id, schema.message.c.sender)).all(), 1
        ):
            _answered(connection, number, id_, sender)
        _held(connection)
    database.close()
    return folder


def _held(connection: sa.Connection) -> None:
    """Somebody came to a session of each country, of whom has to be asked, and it had a cost."""
    campaign = schema.campaign.c
    for id_, slug, country in connection.execute(
        sa.select(campaign.id, campaign.name, campaign.country)
    ).all():
        name = "Luc Martin" if country == "FR" else "Jan Maes"
        imported = {"action": "registrations.import", "subject": slug, "detail": f"{name}.csv (d): 1"}
        histories.add(connection, schema.audit, at=clock.now(), actor="ann", **imported)
        common = {"campaign_id": id_, "at": clock.now(), "actor": "ann"}
        list_id = histories.add(
            connection, schema.attendance_list, file=f"{name}.csv", digest="d", format="zoom", **common
        )
        histories.add(
            connection,
            schema.attendance,
            list_id=list_id,
            campaign_id=id_,
            state=AttendanceState.ASKED,
            person_key="k",
            presence=Presence.ONLINE,
            known_by="?",
            name=name,
        )
        histories.add(connection, schema.cost, what=f"Paid to {name}", cents=100, **common)


def opened(folder: Path) -> Database:
    return Database(settings.load(folder).database_url)


def _answered(connection: sa.Connection, number: int, message_id: int, sender: str) -> None:
    """An answer from France says "bonjour", one from Belgium "goedendag"; each proposes a colleague."""
    domain = "rochelle" if sender == "fr" else "aalst"
    word = "bonjour" if sender == "fr" else "goedendag"
    (about,) = mailbox.messages_by(
        connection,
        sender,
        "internet_message_id",
        connection.execute(
            sa.select(schema.message.c.internet_message_id).where(schema.message.c.id == message_id)
        )
        .scalars()
        .all(),
    )
    now = clock.now()
    inbound = mailbox.add_inbound(
        connection,
        {
            "sender": sender,
            "folder": "INBOX",
            "uidvalidity": 1,
            "uid": number,
            "digest": str(number),
            "state": InboxState.OPEN,
            "from_address": f"mairie@{domain}.example",
            "subject": word,
            "received_at": now,
            "raw": word.encode(),
        },
    )
    assert inbound is not None
    mailbox.add_match(connection, inbound, message_id, Rung.IN_REPLY_TO, "test")
    mailbox.add_verdict(
        connection,
        {
            "inbound_id": inbound,
            "at": now,
            "by": "outreach",
            "kind": InboundKind.REPLY,
            "confidence": 0.5,
            "detector": "reply",
            "evidence": [],
            "text": word,
            "details": {},
        },
    )
    mailbox.register(
        connection,
        about,
        RegistrationState.REGISTERED,
        name="Martin" if sender == "fr" else "Maes",
        email=f"mairie@{domain}.example",
        inbound_id=inbound,
        now=now,
    )
    proposals.propose(
        connection, about, ProposalReason.REFERRAL, f"other@{domain}.example", inbound_id=inbound, now=now
    )


def typed(folder: Path, account: str | None, *words: object) -> Done:
    return command("-w", folder, *(("--account", account) if account else ()), *words)


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy; a database of PostgreSQL is the same for all, as nothing here changes any row but of an account."""
    copy = Path(shutil.copytree(made, tmp_path / "w"))
    monkeypatch.chdir(copy)
    return copy


def number_of(folder: Path, table: sa.Table, sender: str) -> int:
    """Of a row of the country of ``sender``."""
    database = opened(folder)
    message = schema.message
    statements: dict[str, Any] = {
        "message": sa.select(message.c.id).where(message.c.sender == sender),
        "inbound_message": sa.select(table.c.id).where(table.c.sender == sender)
        if table is schema.inbound_message
        else None,
        "contact_import": sa.select(schema.contact_import.c.id).where(
            schema.contact_import.c.country == sender.upper()
        ),
        "audit": sa.select(schema.audit.c.id).where(
            schema.audit.c.action == "registrations.import", schema.audit.c.subject.like(f"%-{sender}")
        ),
        "proposal": sa.select(schema.proposal.c.id)
        .join(message, message.c.id == schema.proposal.c.message_id)
        .where(message.c.sender == sender),
        **{
            table.name: sa.select(table.c.id)
            .join(schema.campaign, schema.campaign.c.id == table.c.campaign_id)
            .where(schema.campaign.c.country == sender.upper())
            for table in (schema.attendance, schema.attendance_list, schema.cost)
        },
    }
    with database.read() as connection:
        found = int(connection.execute(statements[table.name].limit(1)).scalar_one())
    database.close()
    return found


LUC = "luc.martin@rochelle.example"
#: Every command that reaches contacts, turned on France by Belgium's account. A table stands for the number of a row of
#: France. ``None``: it goes well, and shows nothing of France; else the exit code.
ON_FRANCE: dict[tuple[str, ...], tuple[tuple[object, ...], int | None]] = {
    ("contacts", "import"): (("FR.csv", *FR), 5),
    ("contacts", "list"): ((), None),
    ("contacts", "imports"): ((), None),
    ("contacts", "undo"): ((schema.contact_import,), 5),
    ("contacts", "show"): ((LUC,), 5),
    ("contacts", "edit"): ((LUC, "--role", "x"), 5),
    ("contacts", "export"): (("--subject", LUC), 5),
    ("contacts", "erase"): ((LUC, "--yes"), 5),
    ("suppress", "add"): (("info@aalst.example",), None),
    ("suppress", "list"): ((), None),
    ("places", "import"): (("contacts/official/lau-sample.xlsx", *FR), 5),
    ("places", "list"): (FR, 5),
    ("places", "coverage"): (FR, 5),
    ("places", "review"): ((), None),
    ("places", "decide"): (("1", "--none"), 5),
    ("campaigns", "list"): ((), None),
    ("campaigns", "check"): (("lordimas", *FR), 5),
    ("campaigns", "preview"): (("lordimas", *FR), 5),
    ("campaigns", "test"): (("lordimas", *FR, "--to", "me@office.example"), 5),
    ("campaigns", "launch"): (("helpdesk", *FR, "--yes"), 5),
    ("campaigns", "pause"): (("helpdesk", *FR), 5),
    ("campaigns", "resume"): (("helpdesk", *FR), 5),
    ("campaigns", "cancel"): (("helpdesk", *FR, "--yes"), 5),
    ("campaigns", "status"): (("helpdesk", *FR), 5),
    ("campaigns", "change-session"): (("helpdesk", *FR, "--apply"), 5),
    ("messages", "list"): ((), None),
    ("messages", "show"): ((schema.message,), 5),
    ("messages", "settle"): ((schema.message, "--sent"), 5),
    ("inbox", "list"): (("--all",), None),
    ("inbox", "show"): ((schema.inbound_message,), 5),
    ("inbox", "resolve"): ((schema.inbound_message, "--as", "decline"), 5),
    ("inbox", "reread"): ((schema.inbound_message,), 5),
    ("inbox", "undo"): ((schema.inbound_message,), 5),
    ("inbox", "proposals"): (("--all",), None),
    ("inbox", "accept"): ((schema.proposal,), 5),
    ("inbox", "dismiss"): ((schema.proposal,), 5),
    ("inbox", "reply-draft"): ((schema.inbound_message, "--output", "draft.eml"), 5),
    ("inbox", "corrections"): ((), None),
    ("registrations", "list"): ((), None),
    ("registrations", "import"): (("FR.csv", "--campaign", "helpdesk-fr", "--apply"), 5),
    ("registrations", "imports"): ((), None),
    ("registrations", "undo"): ((schema.audit,), 5),
    ("registrations", "progress"): (("FR.csv", "--campaign", "helpdesk-fr", "--apply"), 5),
    ("attendance", "import"): (("FR.csv", "--campaign", "helpdesk-fr", "--apply"), 5),
    ("attendance", "list"): ((), None),
    ("attendance", "imports"): ((), None),
    ("attendance", "review"): ((), None),
    ("attendance", "settle"): ((schema.attendance, "--nobody"), 5),
    ("attendance", "undo"): ((schema.attendance_list,), 5),
    ("costs", "add"): (("5", "--campaign", "helpdesk-fr", "--what", "x"), 5),
    ("costs", "list"): ((), None),
    ("costs", "undo"): ((schema.cost,), 5),
    ("report",): ((), None),
    ("report", "reimbursement"): ((), None),
    ("report", "export"): ((), None),
    ("report", "merge"): (("counts.json",), None),
    ("report", "key"): ((), 5),
    ("report", "digest"): ((), None),
    ("run",): ((), 5),
    ("poll",): ((), 5),
    ("send",): ((), 5),
    ("watch",): ((), 5),
    ("serve",): ((), 5),
    ("db", "backup"): (("backup.db",), 5),
}
#: These read no row of any country.
WITHOUT_ROWS = {
    *{
        ("init",),
        ("demo",),
        ("simulate",),
        ("classify",),
        ("doctor",),
        ("db", "upgrade"),
        ("inbox", "learn-form"),
    },
    *{("templates", name) for name in ("status", "new", "export", "import")},
}
#: What a coordinator may type.
COUNTS = {
    ("costs", "list"),
    ("report", "reimbursement"),
    ("report",),
    ("report", "export"),
    ("report", "merge"),
    ("report", "digest"),
    ("campaigns", "list"),
    ("campaigns", "status"),
    ("places", "list"),
    ("places", "coverage"),
}


def every_command() -> Iterator[tuple[str, ...]]:
    def below(one: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if hasattr(one, "commands"):
            if words == ("report",):  # a group that does something by itself
                yield words
            for name, child in one.commands.items():
                yield from below(child, (*words, name))
        else:
            yield words

    return below(get_command(cli.app), ())


def test_every_command_is_among_them() -> None:
    assert set(every_command()) == ON_FRANCE.keys() | WITHOUT_ROWS


def rows_of(folder: Path) -> dict[str, list[Any]]:
    """Everything but the audit, and the sums that reports keep of the rest: whoever asks for a report counts anew."""
    database = opened(folder)
    with database.read() as connection:
        found = {
            table.name: list(connection.execute(sa.select(table).order_by(*table.primary_key)).all())
            for table in schema.municipality.metadata.tables.values()
            if table.name not in ("audit", "suppression") and not table.name.startswith("report_")
        }
    database.close()
    return found


@pytest.mark.parametrize("words", ON_FRANCE, ids=" ".join)
def test_belgium_sees_and_changes_nothing_of_france(folder: Path, words: tuple[str, ...]) -> None:
    arguments, code = ON_FRANCE[words]
    arguments = tuple(number_of(folder, one, "fr") if isinstance(one, sa.Table) else one for one in arguments)
    before = rows_of(folder)
    takes_json = code is None and words not in {("suppress", "add")}
    for more in ((), ("--json",)) if takes_json else ((),):
        done = typed(folder, "belgium", *words, *arguments, *more)
        assert done.code == (code or 0), done
        shown = (done.out + done.err).casefold()
        for word in {*SECRETS} - {str(one).casefold() for one in arguments}:
            if not any(word in str(one).casefold() for one in arguments):
                assert word not in shown, done
        assert not any("rochelle" in path.read_text(errors="ignore") for path in folder.glob("s*ject/*"))
    assert rows_of(folder) == before


@pytest.mark.parametrize("words", ON_FRANCE, ids=" ".join)
def test_a_coordinator_reads_counts_and_no_address(folder: Path, words: tuple[str, ...]) -> None:
    arguments, _ = ON_FRANCE[words]
    arguments = tuple(number_of(folder, one, "fr") if isinstance(one, sa.Table) else one for one in arguments)
    if words == ("places", "coverage"):
        typed(folder, "cron", "places", "import", "contacts/official/lau-sample.xlsx", *BE, "--apply").ok()
        arguments = BE
    before = rows_of(folder)
    done = typed(folder, "oasc", *words, *arguments)
    assert done.code == (0 if words in COUNTS else 5), done
    if words in COUNTS:
        assert "@" not in done.out
    else:
        assert "reads counts and no addresses" in done.err or "does not reach all countries" in done.err
    assert rows_of(folder) == before


def test_each_sees_its_own(folder: Path) -> None:
    def emails(account: str) -> set[str]:
        return {
            one["email"] for one in json.loads(typed(folder, account, "contacts", "list", "--json").ok().out)
        }

    assert emails("belgium") == {"info@aalst.example", "jan.maes@aalst.example"}
    assert emails("cron") == emails("belgium") | {"mairie@rochelle.example", LUC}
    assert "goedendag" in typed(folder, "belgium", "inbox", "list").ok().out
    assert "Jan Maes" in typed(folder, "belgium", "contacts", "show", "jan.maes@aalst.example").ok().out
    for account, countries in (("oasc", {"BE", "FR"}), ("belgium", {"BE"})):
        lines = figures.lines(typed(folder, account, "report", "--json").ok().out)
        assert {line["country"] for line in lines} - {None, ""} == countries


@pytest.mark.parametrize(
    "words",
    [("registrations", "list"), ("registrations", "imports"), ("attendance", "list"), ("messages", "list")],
    ids=" ".join,
)
def test_a_listing_of_another_country_is_refused_and_not_empty(folder: Path, words: tuple[str, ...]) -> None:
    assert typed(folder, "belgium", *words, *FR).code == 5


def test_who_is_nobody_is_told_so(folder: Path) -> None:
    assert "It is not known which account is yours" in typed(folder, None, "contacts", "list").err
    assert "There is no account 'spain'" in typed(folder, "spain", "contacts", "list").err
