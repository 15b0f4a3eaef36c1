"""The rights of a person: what is known of an address is told whole, and is gone whole, from rows and from bytes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from outreach import clock, settings
from outreach.db import directory, schema
from outreach.db.engine import Database
from outreach.errors import InputError, RefusedError
from outreach.jobs import people, retention
from outreach.jobs.import_contacts import ImportResult, import_contacts
from outreach.model.states import (
    CampaignState,
    EngagementKind,
    InboundKind,
    InboxState,
    MessageState,
    OutcomeKind,
    RegistrationState,
    SuppressionReason,
)
from outreach.settings import Workspace
from tests import databases, histories, workspaces

database = databases.fixture()

ANN = "Ann.Peeters@gent.example"
KEY = ANN.casefold()
LIST = f"""\
Gemeente;E-mail;Naam;Functie
Gent;{ANN};Ann Peeters-Wouters;Burgemeester
Gent;info@gent.example;;
"""
RAW = (
    b"From: Ann Peeters-Wouters <"
    + ANN.encode()
    + b">\r\nSubject: Ja\r\nContent-Transfer-Encoding: base64\r\n"
    b"\r\nSGFsbG8=\r\n"
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "outreach.toml").write_text('key = "a key for the tests, of 32 bytes"\n', encoding="utf-8")
    (tmp_path / "contacts").mkdir()
    return settings.load(tmp_path)


def imported(workspace: Workspace, database: Database, text: str = LIST) -> ImportResult:
    file = workspace.root / "contacts" / "list.csv"
    file.write_text(text, encoding="utf-8")
    return import_contacts(
        workspace,
        database,
        file,
        country="BE",
        now=clock.now(),
        actor="test",
        apply=True,
        source="the register",
        legal_basis="GDPR Art. 6 (1) e",
    )


def a_life(database: Database, *, state: MessageState = MessageState.SENT) -> None:
    """Ann is in a campaign, got a mail, answered, registered; her address stands wherever it can stand."""
    now = clock.now()
    with database.write() as connection:

        def add(table: sa.Table, **values: Any) -> int:
            row = sa.insert(table).values(**values).returning(table.c.id)
            return int(connection.execute(row).scalar_one())

        contact, place = connection.execute(
            sa.select(schema.contact.c.id, schema.contact.c.municipality_id).where(
                schema.contact.c.email_key == KEY
            )
        ).one()
        campaign = histories.add_campaign(connection, CampaignState.RUNNING)
        recipient = add(
            schema.recipient,
            campaign_id=campaign,
            contact_id=contact,
            municipality_id=place,
            email_key=KEY,
            language="nl",
            created_at=now,
        )
        message = add(
            schema.message,
            campaign_id=campaign,
            recipient_id=recipient,
            step="invitation",
            sender="be",
            email=ANN,
            email_key=KEY,
            language="nl",
            internet_message_id="<m@x.example>",
            token="or-x",
            state=state,
            reason=f"550 <{ANN}>",
            due_at=now,
            attempts=1,
            created_at=now,
        )
        add(
            schema.attempt,
            message_id=message,
            sender="be",
            at=now,
            outcome=OutcomeKind.ACCEPTED,
            stage="end_of_data",
            code=250,
            text=f"queued for {ANN.upper()}",
        )
        inbound = add(
            schema.inbound_message,
            sender="be",
            folder="INBOX",
            uidvalidity=1,
            uid=1,
            digest="d",
            state=InboxState.DONE,
            from_address=ANN,
            subject=f"Ja, {ANN}",
            received_at=now,
            raw=RAW,
        )
        add(
            schema.verdict,
            inbound_id=inbound,
            at=now,
            by="outreach",
            kind=InboundKind.REPLY,
            confidence=0.9,
            detector="reply",
            evidence=[f"from {ANN}"],
            text="Ja. Ann Peeters-Wouters",
            details={"registration": {"email": ANN}},
        )
        add(
            schema.inbound_match,
            inbound_id=inbound,
            message_id=message,
            rung="address",
            evidence=f"From: {ANN}",
        )
        add(
            schema.engagement,
            at=now,
            kind=EngagementKind.REGISTERED,
            campaign_id=campaign,
            municipality_id=place,
            recipient_id=recipient,
            message_id=message,
            inbound_id=inbound,
            detail=f"by {ANN}",
        )
        add(
            schema.registration,
            campaign_id=campaign,
            municipality_id=place,
            state=RegistrationState.REGISTERED,
            name="Ann Peeters-Wouters",
            email=ANN,
            inbound_id=inbound,
            created_at=now,
            updated_at=now,
        )
        directory.note(connection, actor="x", action="suppress.add", subject=ANN, detail=ANN, now=now)


def access(workspace: Workspace, database: Database, address: str = ANN) -> people.Subject:
    return people.access(workspace, database, address, now=clock.now(), actor="test")


def erase(workspace: Workspace, database: Database, address: str = ANN) -> people.Erased:
    return people.erase(workspace, database, address, now=clock.now(), actor="test")


def everything(database: Database) -> list[str]:
    """Every value of every column of every table."""
    with database.read() as connection:
        return [
            str(value)
            for table in SQLModel.metadata.tables.values()
            for row in connection.execute(sa.select(table)).all()
            for value in row
        ]


def test_access_tells_everything_with_where_it_is_from(
    workspace: Workspace, database: Database, tmp_path: Path
) -> None:
    imported(workspace, database)
    a_life(database)
    about = access(workspace, database)
    (contact,) = about.known["contacts"]
    assert contact["source"] == "the register"
    assert contact["legal_basis"] == "GDPR Art. 6 (1) e"
    assert contact["source_line"] == 2
    assert len(contact["source_digest"]) == 64
    assert (contact["imported_by"], contact["kind"].value) == ("test", "named")
    for table in ("campaigns", "messages", "attempts", "events", "received", "readings", "registrations"):
        assert len(about.known[table]) == 1, table
    assert [row["action"] for row in about.known["acts"]] == ["suppress.add"]
    files = people.export(about, tmp_path / "out")
    assert sorted(path.name for path in files) == ["received-1.eml", "subject.json", "subject.txt"]
    told = json.loads((tmp_path / "out" / "subject.json").read_text())
    assert told["contacts"][0]["email"] == ANN
    assert (tmp_path / "out" / "received-1.eml").read_bytes() == RAW
    text = (tmp_path / "out" / "subject.txt").read_text()
    assert "Ann Peeters-Wouters" in text
    assert "info@gent.example" not in text + json.dumps(told)
    with pytest.raises(InputError, match="exists already"):
        people.export(about, tmp_path / "out")


def test_nothing_is_left_of_an_erased_address_in_any_table_nor_in_the_file(
    workspace: Workspace, database: Database
) -> None:
    imported(workspace, database)
    imported(workspace, database, LIST.replace("Burgemeester", "Schepen"))  # the journal knows her, too
    a_life(database)
    access(workspace, database)
    assert any(KEY in value.casefold() for value in everything(database))
    done = erase(workspace, database)
    assert done.files == (workspace.root / "contacts" / "list.csv",)
    for value in everything(database):
        assert KEY not in value.casefold(), value
        assert "peeters" not in value.casefold(), value
    assert database.sqlite_path is None or _remains(database.sqlite_path) == []
    with database.read() as connection:
        kept = [schema.message, schema.engagement, schema.registration, schema.recipient]
        assert [connection.execute(sa.select(sa.func.count()).select_from(one)).scalar() for one in kept] == [
            1,
            1,
            1,
            1,
        ]
        assert [row["email"] for row in directory.contacts(connection, None)] == ["info@gent.example"]
        assert [row["reason"] for row in directory.suppressions(connection)] == [SuppressionReason.ERASED]
    assert access(workspace, database).is_empty is False  # the hash is known, and told
    result = imported(workspace, database)
    assert [row.email for row in result.plan.suppressed] == [ANN]
    assert not any(KEY in value.casefold() for value in everything(database))


def _remains(path: Path) -> list[str]:
    """Files of the database in which the bytes of the address still are."""
    return [
        one.name
        for one in path.parent.glob(f"{path.name}*")
        if any(word in one.read_bytes().lower() for word in (KEY.encode(), b"peeters-wouters"))
    ]


def test_a_backup_that_is_put_back_is_erased_again(workspace: Workspace, database: Database) -> None:
    imported(workspace, database)
    a_life(database)
    erase(workspace, database)
    with database.write() as connection:  # as if it came from the backup: no hash, and Ann is back
        connection.execute(sa.delete(schema.suppression))
    imported(workspace, database)
    assert any(KEY in value.casefold() for value in everything(database))
    assert len(people.erase_again(workspace, database, now=clock.now(), actor="test")) == 1
    assert not any(KEY in value.casefold() for value in everything(database))


@pytest.mark.parametrize(
    ("state", "after"),
    [
        (MessageState.QUEUED, MessageState.SKIPPED),
        (MessageState.DEFERRED, MessageState.SKIPPED),
        (MessageState.MISSED, MessageState.CANCELLED),
        (MessageState.UNCERTAIN, MessageState.FAILED),
    ],
)
def test_what_waits_is_not_sent_to_an_erased_address(
    workspace: Workspace, database: Database, state: MessageState, after: MessageState
) -> None:
    imported(workspace, database)
    a_life(database, state=state)
    erase(workspace, database)
    with database.read() as connection:
        assert connection.execute(sa.select(schema.message.c.state)).scalar_one() is after


def test_colleagues_who_had_the_same_mail_are_erased_one_by_one(
    workspace: Workspace, database: Database
) -> None:
    """Each who answered has a confirmation of their own, in the name of the contact that was invited."""
    imported(workspace, database)
    a_life(database)
    jan, eva = "jan@gent.example", "eva@gent.example"
    with database.write() as connection:
        recipient = connection.execute(sa.select(schema.recipient.c.id)).scalar_one()
        for email in (jan, eva):
            histories.add_message(
                connection, recipient, "confirmation", email=email, email_key=email, state="sent"
            )

    def addresses() -> list[str]:
        with database.read() as connection:
            keys = connection.execute(sa.select(schema.message.c.email_key).order_by(schema.message.c.id))
            return ["" if key.startswith(schema.ERASED) else key for key in keys.scalars()]

    for email, left in ((ANN, ["", jan, eva]), (jan, ["", "", eva]), (eva, ["", "", ""])):
        erase(workspace, database, email)
        assert addresses() == left


def test_whom_to_erase_is_looked_at_before_anybody_is_asked(tmp_path: Path) -> None:
    folder = workspaces.create(tmp_path / "w")
    done = workspaces.command("-w", folder, "contacts", "erase", "nobody")
    assert (done.code, done.err.splitlines()[0]) == (4, "Error: 'nobody' is no mail address.")


def test_no_erasure_in_the_middle_of_a_sending(workspace: Workspace, database: Database) -> None:
    imported(workspace, database)
    a_life(database, state=MessageState.SENDING)
    with pytest.raises(RefusedError, match="just now"):
        erase(workspace, database)


def test_a_correction_by_hand_outlives_the_next_import(workspace: Workspace, database: Database) -> None:
    imported(workspace, database)
    values = {"email": "anne.peeters@gent.example", "role": "Schepen", "language": "fr"}
    changes = people.correct(workspace, database, ANN, values, country=None, now=clock.now(), actor="test")
    assert [name for name, _, _ in changes] == ["email", "role", "language"]
    result = imported(workspace, database)
    assert (len(result.plan.new), len(result.plan.changed), len(result.plan.gone)) == (0, 0, 0)
    assert [(one.field, one.kept, one.offered) for one in result.plan.conflicts] == [
        ("role", "Schepen", "Burgemeester")
    ]
    with database.read() as connection:
        (row,) = [one for one in directory.contacts(connection, None) if one["kind"] == "named"]
    assert (row["email"], row["role"]) == ("anne.peeters@gent.example", "Schepen")
    erase(workspace, database)  # by the address that the list has
    assert not any("peeters" in value.casefold() for value in everything(database))


@pytest.mark.parametrize(
    ("address", "values", "error", "words"),
    [
        ("nobody@gent.example", {"role": "x"}, RefusedError, "no contact"),
        (ANN, {"email": "info@gent.example"}, RefusedError, "has a contact"),
        (ANN, {"email": "nothing"}, InputError, "no mail address"),
        (ANN, {"language": "Klingon"}, InputError, "no language"),
        (ANN, {"kind": "robot"}, InputError, "no kind"),
    ],
)
def test_wrong_corrections(
    workspace: Workspace,
    database: Database,
    address: str,
    values: dict[str, str],
    error: type[Exception],
    words: str,
) -> None:
    imported(workspace, database)
    with pytest.raises(error, match=words):
        people.correct(workspace, database, address, values, country=None, now=clock.now(), actor="test")


def test_retention_removes_what_is_too_old_and_nothing_else(workspace: Workspace, database: Database) -> None:
    imported(workspace, database)
    a_life(database)
    now = clock.now()
    assert retention.apply(workspace, database, now + timedelta(days=300)) == {}
    imported(workspace, database, LIST.replace(f"Gent;{ANN};Ann Peeters-Wouters;Burgemeester\n", ""))
    with database.write() as connection:
        connection.execute(
            sa.update(schema.campaign).values(
                state=CampaignState.FINISHED, finished_at=now - timedelta(days=1)
            )
        )
    removed = retention.apply(workspace, database, now + timedelta(days=800))
    assert set(removed.values()) == {1, 2}
    with database.read() as connection:
        assert connection.execute(sa.select(schema.inbound_message.c.raw)).scalar_one() is None
        assert connection.execute(sa.select(schema.verdict.c.text)).scalar_one() is None
        assert connection.execute(sa.select(schema.registration.c.email)).scalar_one() is None
        assert connection.execute(sa.select(schema.attempt.c.text)).scalar_one() == ""
        assert [row["email"] for row in directory.contacts(connection, None)] == ["info@gent.example"]
    assert retention.apply(workspace, database, now + timedelta(days=801)) == {}


def test_retention_is_due_once_a_day(workspace: Workspace) -> None:
    now = clock.now()
    assert not retention.is_due(workspace, now)
    assert not retention.is_due(workspace, now + timedelta(hours=23))
    assert retention.is_due(workspace, now + timedelta(hours=24))
