"""The official list against contact lists, doubts and their answers, coverage, undo: on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach import clock, settings
from outreach.contacts.register import Unit
from outreach.db import campaigns, directory, imports, mailbox, places, schema
from outreach.db.engine import Database
from outreach.delivery import tokens
from outreach.errors import InputError, RefusedError
from outreach.jobs import people
from outreach.jobs.import_contacts import ImportResult, import_contacts
from outreach.jobs.places import PlacesResult, cover, decide, import_places, missing_as_rows, review
from outreach.jobs.suppress import suppress
from outreach.model.states import SuppressionReason, SuppressionScope
from outreach.settings import Workspace
from tests import databases, workspaces

database = databases.fixture()

OFFICIAL = """\
NUTS 3 CODE;LAU CODE;LAU NAME NATIONAL;LAU NAME LATIN;POPULATION;DEGURBA
BE234;44021;Gent;Gand;260000;1
BE241;23951;Sint-Goriksveld;;10000;2
BE100;21951;Elzenbeek/Aulnois-Ville;;47000;1
BE345;84951;Roche-sur-Semoy;;4600;3
"""
LIST = """\
Gemeente;NIS-code;E-mail
Stad Gent;44021;info@gent.example
Sint-Goriksveld;;info@goriksveld.example
Aulnois-Ville;;info@aulnois.example
Roche;;info@roche.example
"""


class Desk:
    def __init__(self, workspace: Workspace, database: Database, folder: Path) -> None:
        self.workspace, self.database, self.folder = workspace, database, folder

    def contacts(self, text: str = LIST, name: str = "list.csv", **more: Any) -> ImportResult:
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        options = {"country": "BE", "now": clock.now(), "actor": "test", "apply": True, **more}
        return import_contacts(self.workspace, self.database, file, **options)

    def official(self, text: str = OFFICIAL, **more: Any) -> PlacesResult:
        file = self.folder / "lau.csv"
        file.write_text(text, encoding="utf-8")
        options = {"country": "BE", "now": clock.now(), "actor": "test", "apply": True, **more}
        return import_places(self.workspace, self.database, file, **options)

    def where(self) -> dict[str, str]:
        """Address -> the name of its municipality."""
        with self.database.read() as connection:
            return {row["email"]: row["municipality"] for row in directory.contacts(connection, None)}

    def units(self) -> dict[str, Unit]:
        with self.database.read() as connection:
            return {one.unit.place.name: one.unit for one in places.stored(connection, "BE")}

    def decide(self, number: int, answer: str | None) -> None:
        decide(self.workspace, self.database, number, answer, now=clock.now(), actor="test")

    def undo(self, number: int) -> tuple[int, int]:
        return people.undo(self.database, number, now=clock.now(), actor="test")

    def count(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    workspaces.write_list(tmp_path / "x.csv", [])
    (tmp_path / "outreach.toml").write_text('key = "a key for the tests, of 32 bytes"\n', encoding="utf-8")
    return Desk(settings.load(tmp_path), database, tmp_path)


EVERYWHERE = {
    "info@gent.example": "Gent",
    "info@goriksveld.example": "Sint-Goriksveld",
    "info@aulnois.example": "Elzenbeek/Aulnois-Ville",
    "info@roche.example": "Roche",
}


def test_contact_lists_are_held_against_the_official_list(desk: Desk) -> None:
    assert desk.official(apply=False).applied is False
    assert desk.count(schema.municipality) == 0
    desk.official()
    result = desk.contacts()
    assert [one.place.name for one in result.plan.doubtful.values()] == ["Roche"]
    assert desk.where() == EVERYWHERE
    units = desk.units()
    assert units["Gent"].place.languages == ("nl",)
    assert units["Elzenbeek/Aulnois-Ville"].place.languages == ("fr", "nl")
    assert (units["Gent"].names, units["Gent"].degurba, units["Gent"].nuts) == ((("", "Gand"),), 1, "BE234")
    again = desk.contacts()
    assert (again.applied, again.plan.same) == (False, 4)


def test_the_official_list_after_the_contact_lists_comes_to_the_same(desk: Desk) -> None:
    desk.contacts()
    result = desk.official()
    assert (len(result.new), len(result.changed), len(result.doubtful)) == (1, 3, 1)
    assert desk.where() == EVERYWHERE
    assert [one.name for one in review(desk.database, "BE")] == ["Roche"]
    again = desk.official()
    assert (len(again.new), len(again.changed), again.same) == (0, 0, 4)
    assert desk.contacts().applied is False


def test_two_spellings_of_contact_lists_become_one_municipality(desk: Desk) -> None:
    desk.contacts(
        "Gemeente;NIS-code;E-mail\nGent;44021;info@gent.example\nGand;;maire@gent.example\nGand;;info@gent.example\n"
    )
    assert len(set(desk.where().values())) == 2
    desk.official()
    assert desk.where() == {"info@gent.example": "Gent", "maire@gent.example": "Gent"}
    assert desk.count(schema.municipality) == 4


def test_a_municipality_that_said_stop_has_said_so_under_its_official_key_too(desk: Desk) -> None:
    desk.contacts("Gemeente;E-mail\nGand;info@gent.example\n")

    def stop(place: str) -> str:
        return tokens.suppression_key(desk.workspace.key, tokens.municipality_name("BE", place))

    with desk.database.write() as connection:
        mailbox.suppress(
            connection,
            key=stop("name:gand|"),
            scope=SuppressionScope.MUNICIPALITY,
            address=None,
            reason=SuppressionReason.UNSUBSCRIBED,
            source="a test",
            now=clock.now(),
        )
    desk.official()
    with desk.database.read() as connection:
        assert stop("lau:44021") in {row["key"] for row in directory.suppressions(connection)}


def test_a_doubt_is_decided_and_remembered(desk: Desk) -> None:
    desk.official()
    desk.contacts()
    (question,) = review(desk.database, None)
    assert question.suggestions[0][:2] == ("84951", "Roche-sur-Semoy")
    with pytest.raises(InputError, match="has no municipality 'Nowhere'"):
        desk.decide(question.id, "Nowhere")
    with desk.database.read() as connection:
        (waits,) = [one for one in campaigns.addressees(connection, "BE") if one.in_doubt]
    assert waits.email == "info@roche.example"
    desk.decide(question.id, "84951")
    assert desk.where()["info@roche.example"] == "Roche-sur-Semoy"
    assert review(desk.database, None) == []
    result = desk.contacts(LIST + "Roche;;mayor@roche.example\n")
    assert result.plan.doubtful == {}
    assert desk.where()["mayor@roche.example"] == "Roche-sur-Semoy"
    with pytest.raises(RefusedError, match="no open question"):
        desk.decide(question.id, "84951")


def test_a_municipality_that_no_official_list_has_stays_itself(desk: Desk) -> None:
    desk.official()
    desk.contacts()
    desk.decide(review(desk.database, None)[0].id, None)
    assert review(desk.database, None) == []
    assert desk.contacts().plan.doubtful == {}
    assert desk.official().doubtful == []
    with desk.database.read() as connection:
        assert not any(one.in_doubt for one in campaigns.addressees(connection, "BE"))


def test_coverage_counts_who_can_be_reached_and_lists_who_is_missing(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="no official list"):
        cover(desk.workspace, desk.database, "BE")
    desk.official()
    desk.contacts()
    figures, missing = cover(desk.workspace, desk.database, "BE")
    assert (figures.reachable, figures.municipalities, figures.in_doubt) == (3, 4, 1)
    assert (figures.reachable_population, figures.population) == (317_000, 321_600)
    assert [row["code"] for row in missing_as_rows(missing)] == ["84951"]
    suppress(desk.workspace, desk.database, "gent.example", now=clock.now(), actor="test")
    desk.contacts(LIST.replace("Sint-Goriksveld;;info@goriksveld.example\n", ""))
    figures, missing = cover(desk.workspace, desk.database, "BE")
    assert figures.reachable == 1
    assert [one.place.name for one in missing] == ["Gent", "Sint-Goriksveld", "Roche-sur-Semoy"]


def test_who_left_the_official_list_is_asked_about(desk: Desk) -> None:
    desk.official()
    desk.contacts()
    merged = OFFICIAL.replace("BE241;23951;Sint-Goriksveld;;10000;2\n", "")
    result = desk.official(merged)
    assert [one.place.name for one in result.left] == ["Sint-Goriksveld"]
    assert {one.name for one in review(desk.database, "BE")} == {"Roche", "Sint-Goriksveld"}
    assert cover(desk.workspace, desk.database, "BE")[0].municipalities == 3


class TestUndo:
    def test_all_of_an_import_is_taken_back(self, desk: Desk) -> None:
        desk.contacts("Gemeente;E-mail;Functie\nGent;info@gent.example;\nAalst;info@aalst.example;\n")
        before = self.everything(desk)
        second = desk.contacts(
            "Gemeente;E-mail;Functie\nGent;info@gent.example;onthaal\nNiel;info@niel.example;\n",
            now=clock.now(),
        )
        assert (len(second.plan.new), len(second.plan.changed), len(second.plan.gone)) == (1, 1, 1)
        assert second.number is not None
        assert desk.undo(second.number) == (1, 2)
        assert self.everything(desk) == before
        with pytest.raises(RefusedError, match="was undone already"):
            desk.undo(second.number)
        with desk.database.read() as connection:
            assert [bool(one["undone_at"]) for one in imports.every(connection)] == [True, False]

    def everything(self, desk: Desk) -> list[Any]:
        with desk.database.read() as connection:
            contact = [
                (row["municipality"], row["email"], row["role"], row["gone_at"])
                for row in directory.contacts(connection, None)
            ]
            return [contact, [one.unit for one in places.stored(connection, "BE")]]

    def test_later_imports_first(self, desk: Desk) -> None:
        first = desk.contacts("Gemeente;E-mail;Functie\nGent;info@gent.example;\n").number
        second = desk.contacts("Gemeente;E-mail;Functie\nGent;info@gent.example;onthaal\n").number
        assert first is not None
        assert second is not None
        with pytest.raises(RefusedError, match=f"cannot be undone before {second}"):
            desk.undo(first)
        desk.undo(second)
        desk.undo(first)
        assert desk.count(schema.contact) == desk.count(schema.municipality) == 0

    def test_no_such_import(self, desk: Desk) -> None:
        with pytest.raises(RefusedError, match="There is no import 7"):
            desk.undo(7)
