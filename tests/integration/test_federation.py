"""Members hand their counts over, and the coordinator joins them: two workspaces, the commands, real databases."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach.db import schema
from outreach.db.engine import Database
from outreach.model.states import EngagementKind, MessageState, RegistrationState
from outreach.report import counts_file
from tests import databases, figures, histories, workspaces
from tests.histories import NOW
from tests.workspaces import Done, command

SMTP = {"host": "127.0.0.1", "port": 9, "security": "plain"}


def made(folder: Path, countries: list[str], url: str | None = None) -> Path:
    settings = workspaces.sender("mine", "digital@office.example", countries, smtp=SMTP)
    workspaces.create(folder, (f'database = "{url}"\n' if url else "") + settings)
    return folder


def sent(folder: Path, campaign: str, places: int, answered: int, registered: int = 0) -> None:
    """A campaign that went to ``places``; the first of them registered, the next only answered."""
    _, _, country = campaign.rpartition("-")
    database = Database(settings_url(folder))
    with database.write() as connection:
        id_ = histories.add_campaign(connection, campaign)
        histories.add_content(connection, id_, "invitation", "reminder")
        for number in range(places):
            municipality = histories.add_municipality(connection, country.upper())
            recipient = histories.add_recipient(connection, id_, municipality)
            message = histories.add_message(connection, recipient, state=MessageState.SENT, sent_at=NOW)
            if number < answered:
                histories.add(
                    connection,
                    schema.engagement,
                    at=NOW + timedelta(days=number % 20),
                    kind=EngagementKind.ANSWERED,
                    campaign_id=id_,
                    municipality_id=municipality,
                    recipient_id=recipient,
                    message_id=message,
                )
            if number < registered:
                histories.add(
                    connection,
                    schema.registration,
                    campaign_id=id_,
                    municipality_id=municipality,
                    state=RegistrationState.REGISTERED,
                    created_at=NOW,
                    updated_at=NOW,
                )
    database.close()


def settings_url(folder: Path) -> str:
    from outreach import settings

    return settings.load(folder).database_url


def trust(coordinator: Path, member: Path, name: str, *countries: str) -> str:
    """Put the member's section into the coordinator's settings; returns its fingerprint."""
    key = json.loads(command("-w", member, "report", "key", "--json").ok().out)
    with (coordinator / "outreach.toml").open("a") as file:
        file.write(
            f'\n[members.{name}]\nkey = "{key["key"]}"\ncountries = {json.dumps(countries or ["GR"])}\n'
        )
    return str(key["fingerprint"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both workspaces; tests use copies."""
    folder = tmp_path_factory.mktemp("federation")
    sent(made(folder / "oasc", ["BE"]), "lordimas-be", 40, 12, 4)
    sent(made(folder / "kede", ["GR"]), "lordimas-gr", 103, 31, 11)
    return folder


@pytest.fixture
def coordinator(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built / "oasc", tmp_path / "oasc"))


@pytest.fixture
def greece(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built / "kede", tmp_path / "kede"))


@pytest.fixture(params=["sqlite", "postgresql"])
def member(request: pytest.FixtureRequest, greece: Path, tmp_path: Path) -> Path:
    if request.param == "sqlite":
        return greece
    folder = made(tmp_path / "postgresql", ["GR"], databases.postgres_url())
    sent(folder, "lordimas-gr", 103, 31, 11)
    return folder


def lines(done: Done) -> dict[tuple[str | None, str | None], dict[str, Any]]:
    """The figures of the only campaign: of a country (``None``: all), as a whole (``None``) and of each step."""
    return {(one["country"], one["step"]): one for one in figures.lines(done.ok().out)}


def test_a_member_hands_over_and_the_coordinator_joins(
    coordinator: Path, member: Path, tmp_path: Path
) -> None:
    fingerprint = trust(coordinator, member, "kede")
    shown = command("-w", member, "report", "key").ok().out
    assert fingerprint in shown
    assert "[members.NAME]" in shown
    assert (member / "secrets" / "report_key.pem").stat().st_mode & 0o777 == 0o600
    command("-w", member, "run")  # the key in secrets/ is no setting, and disturbs nothing
    file = tmp_path / "gr.json"
    said = command("-w", member, "report", "export", "--signed", "--to", file).ok().out
    assert "counts of GR, multiples of 5, no address" in said
    assert "@" not in file.read_text()
    joined = lines(command("-w", coordinator, "report", "merge", file, "--json"))
    own = joined["BE", None]
    assert (own["invited"], own["answered"]["numerator"]) == (40, 12)
    theirs = joined["GR", None]
    for name, truth in (("invited", 103), ("registered", 11), ("answered", 31)):
        figure = theirs[name] if name == "invited" else theirs[name]["numerator"]
        assert figure % 5 == 0
        assert abs(figure - truth) < 5
    assert joined[None, None]["invited"] == 40 + theirs["invited"]
    table = command("-w", coordinator, "report", "merge", file).ok().out
    assert "a week since the launch, week 1 to 3" in table, "a member's curve has the ends of weeks"
    assert joined["GR", "invitation"]["answered"]["numerator"] == theirs["answered"]["numerator"]
    for format_ in ("table", "csv"):
        assert "GR" in command("-w", coordinator, "report", "merge", file, "--format", format_).ok().out
    alone = lines(command("-w", coordinator, "report", "merge", file, "--without-own", "--json"))
    assert {country for country, _ in alone} == {"GR", None}
    assert lines(command("-w", coordinator, "report", "--json")).keys() == {
        key for key in joined if key[0] != "GR"
    }, "what was joined is kept nowhere"


def test_the_same_figures_are_handed_over_alike_and_unsigned_only_to_look_at(
    coordinator: Path, greece: Path, tmp_path: Path
) -> None:
    first = json.loads(command("-w", greece, "report", "export").ok().out)
    command("-w", greece, "report", "key").ok()
    again = json.loads(command("-w", greece, "report", "export", "--signed").ok().out)["content"]
    assert first.pop("made_at") <= again.pop("made_at")
    assert first == again
    plain = tmp_path / "plain.json"
    command("-w", greece, "report", "export", "--to", plain).ok()
    trust(coordinator, greece, "kede")
    plain.write_text(json.dumps({"content": json.loads(plain.read_text())}))
    refused(coordinator, 4, "is not signed", plain)


def refused(coordinator: Path, code: int, words: str, *files: Path) -> str:
    done = command("-w", coordinator, "report", "merge", *files)
    assert done.code == code, done
    assert done.out == ""
    assert words in done.err
    assert len(done.err.splitlines()) == 2, "a sentence, and what to do about it"
    return done.err


def exported(folder: Path, to: Path) -> Path:
    command("-w", folder, "report", "key").ok()
    command("-w", folder, "report", "export", "--signed", "--to", to).ok()
    return to


def test_an_unknown_key(coordinator: Path, greece: Path, tmp_path: Path) -> None:
    file = exported(greece, tmp_path / "gr.json")
    assert "no section [members.NAME]" in command("-w", coordinator, "report", "merge", file).err
    stranger = made(tmp_path / "stranger", ["GR"])
    trust(coordinator, stranger, "kede")
    shown = json.loads(command("-w", greece, "report", "key", "--json").ok().out)["fingerprint"]
    assert shown in refused(coordinator, 4, "a key that nobody here is known by", file)


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "a figure": lambda file: file["content"]["shares"][0]["whole"].update(answered=0),
    "the country": lambda file: file["content"]["shares"][0].update(country="FR"),
    "the version": lambda file: file["content"].update(version=2),
    "a line more": lambda file: file["content"]["shares"].append(file["content"]["shares"][0]),
    "the signature": lambda file: file.update(signature=base64.b64encode(bytes(64)).decode()),
    "half a signature": lambda file: file.update(signature=file["signature"][:40]),
    "no text": lambda file: file["content"]["organisations"].append("\ud800"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_file_that_was_changed(coordinator: Path, greece: Path, tmp_path: Path, what: str) -> None:
    file = exported(greece, tmp_path / "gr.json")
    trust(coordinator, greece, "kede")
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content, indent=4))  # other spaces are no change
    command("-w", coordinator, "report", "merge", file).ok()
    CHANGES[what](content)
    file.write_text(json.dumps(content))
    refused(coordinator, 4, "was changed after kede signed it", file)


def resigned(member: Path, file: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The file as another version of Outreach, or a member with bad intent, would have signed it."""
    from outreach import settings
    from outreach.jobs.federation import read_key

    content = json.loads(file.read_text())["content"]
    change(content)
    file.write_bytes(counts_file.signed(content, read_key(settings.load(member))))
    return file


SIGNED: tuple[tuple[str, str, Callable[[dict[str, Any]], object]], ...] = (
    ("is of version 2 of the schema", "Update Outreach here", lambda one: one.update(version=2)),
    ("is of version 0 of the schema", "Ask kede to update", lambda one: one.update(version=0)),
    ("is of version None", "Ask kede", lambda one: one.pop("version")),
    ("is no file of counts", "export --signed", lambda one: one.update(schema="something")),
    ("figures of FR, and kede speaks for GR", "[members.kede]", lambda one: one["shares"][0].update(country="FR")),
    ("no multiple of 5", "new one", lambda one: one["shares"][0]["whole"].update(invited=103)),
    ("later stage of the funnel", "new one", lambda one: one["shares"][0]["whole"].update(answered=500)),
    ("-5 is no count", "new one", lambda one: one["shares"][0]["whole"].update(registered=-5)),
    ("'invited' is missing", "new one", lambda one: one["shares"][0]["whole"].pop("invited")),
    ("no country of the network", "new one", lambda one: one["shares"][0].update(country="XX")),
    ("twice", "new one", lambda one: one["shares"].append(one["shares"][0])),
    ("multiples of 1", "new one", lambda one: one.update(base=1)),
    ("is not what such a file has to be", "new one", lambda one: one.update(shares=3)),
    ("is not what such a file has to be", "new one", lambda one: one.update(made_at="yesterday")),
)  # fmt: skip


@pytest.mark.parametrize(("words", "remedy", "change"), SIGNED, ids=[words for words, _, _ in SIGNED])
def test_a_signed_file_that_cannot_be_taken(
    coordinator: Path,
    greece: Path,
    tmp_path: Path,
    words: str,
    remedy: str,
    change: Callable[[dict[str, Any]], object],
) -> None:
    file = resigned(greece, exported(greece, tmp_path / "gr.json"), change)
    trust(coordinator, greece, "kede")
    assert remedy in refused(coordinator, 4, words, file)


@pytest.mark.parametrize(
    "data",
    [b"", b"no json", b"\x89PNG\r\n\x1a\n", b"[]", b"3", b"{}", b'{"content": 1}', b'{"content": {}}', b"\xff\xfe",
     b"[" * 100_000, b'{"content": {"schema": "outreach-counts", "x": 1.5}, "key": "", "signature": ""}',
     b'{"content": {"schema": "outreach-counts"}, "key": "AAAA", "signature": ""}'],
)  # fmt: skip
def test_what_is_no_such_file(coordinator: Path, greece: Path, tmp_path: Path, data: bytes) -> None:
    trust(coordinator, greece, "kede")
    file = tmp_path / "file.json"
    file.write_bytes(data)
    refused(coordinator, 4, "file.json is no file of counts", file)


def test_nothing_counts_twice(coordinator: Path, greece: Path, tmp_path: Path) -> None:
    trust(coordinator, greece, "kede", "GR", "BE")
    first = exported(greece, tmp_path / "first.json")
    resigned(greece, first, lambda one: one.update(made_at="2026-01-01T00:00:00Z"))
    second = exported(greece, tmp_path / "second.json")
    said = refused(coordinator, 4, "are both from kede", first, second)
    assert f"Leave {first} out; {second} is the newer one." in said
    refused(coordinator, 4, "are both from kede", second, second)
    other = made(tmp_path / "other", ["GR"])
    sent(other, "lordimas-gr", 30, 3)
    trust(coordinator, other, "other")
    said = refused(coordinator, 4, "would count twice", first, exported(other, tmp_path / "other.json"))
    assert "The campaign lordimas in GR" in said
    assert "kede" in said
    assert "other" in said
    sent(greece, "lordimas-be", 30, 3)
    both = exported(greece, tmp_path / "both.json")
    assert "lordimas in BE" in refused(coordinator, 4, "this installation itself has it", both)
    command("-w", coordinator, "report", "merge", both, "--without-own").ok()


def test_keys_that_cannot_be_used(greece: Path) -> None:
    done = command("-w", greece, "report", "export", "--signed")
    assert (done.code, "`outreach report key` makes one" in done.err) == (5, True)
    command("-w", greece, "report", "key").ok()
    path = greece / "secrets" / "report_key.pem"
    before = path.read_bytes()
    assert "There is a key" in command("-w", greece, "report", "key").ok().out
    assert path.read_bytes() == before
    path.chmod(0o644)
    done = command("-w", greece, "report", "export", "--signed")
    assert (done.code, f"chmod 600 {path}" in done.err) == (3, True)
    path.chmod(0o600)
    path.write_bytes(b"no key")
    done = command("-w", greece, "report", "key")
    assert (done.code, "is no private key of Ed25519" in done.err) == (3, True)


def test_nothing_to_hand_over(tmp_path: Path) -> None:
    folder = made(tmp_path / "new", ["GR"])
    done = command("-w", folder, "report", "export")
    assert (done.code, "no campaign was launched" in done.err) == (5, True)


def test_a_member_that_is_described_wrongly_and_options_at_the_wrong_place(coordinator: Path) -> None:
    done = command("-w", coordinator, "report", "--campaign", "lordimas", "export")
    assert (done.code, "Write options after `export`" in done.err) == (2, True)
    with (coordinator / "outreach.toml").open("a") as file:
        file.write('\n[members.kede]\nkey = "AAAA"\ncountries = ["Greece"]\n')
    done = command("-w", coordinator, "report")
    assert done.code == 3
    assert "members.kede.key" in done.err
    assert "'Greece' is no country code" in done.err


def test_all_reads_no_address(greece: Path, tmp_path: Path) -> None:
    text = exported(greece, tmp_path / "gr.json").read_text()
    database = Database(settings_url(greece))
    with database.read() as connection:
        names = connection.execute(sa.select(schema.municipality.c.name)).scalars().all()
        emails = connection.execute(sa.select(schema.contact.c.email)).scalars().all()
    database.close()
    assert names
    assert not any(one in text for one in (*names, *emails))
