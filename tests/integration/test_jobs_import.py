"""Importing contact lists: all or nothing, nothing twice, nothing and nobody brought back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from outreach import clock
from outreach.db import schema
from outreach.jobs.import_contacts import ImportResult, import_contacts
from outreach.model.states import ExclusionReason
from tests.desks import Desk

LIST = """\
Gemeente;E-mail;Taal
Aalst-Noord;info@aalst.example;nl
Gent-Oud;info@gent.example;nl
Ciney-Haut;geen;fr
Namur-Est;www.namur.example;fr
"""


@pytest.fixture
def desk(blank_workspace: Path, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(blank_workspace, tmp_path / "w")
    yield desk
    desk.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gemeenten.csv"
    path.write_text(LIST, encoding="cp1252")
    return path


def imported(desk: Desk, file: Path, *, apply: bool = True, country: str = "BE") -> ImportResult:
    return import_contacts(
        desk.workspace, desk.database, file, country=country, now=clock.now(), actor="test", apply=apply
    )


def everything(desk: Desk) -> list[object]:
    return [
        desk.rows(table, *table.c.keys()) for table in (schema.municipality, schema.contact, schema.audit)
    ]


def test_a_dry_run_writes_nothing(desk: Desk, file: Path) -> None:
    before = everything(desk)
    result = imported(desk, file, apply=False)
    assert (len(result.plan.new), len(result.plan.rejected), result.applied) == (2, 2, False)
    assert everything(desk) == before


def test_a_second_import_changes_nothing(desk: Desk, file: Path) -> None:
    assert imported(desk, file).applied
    before = everything(desk)
    desk.at(days=1)
    again = imported(desk, file)
    assert (again.applied, again.plan.same, len(again.plan.new)) == (False, 2, 0)
    assert everything(desk) == before


def test_the_letters_of_an_address_do_not_make_another(desk: Desk, file: Path) -> None:
    imported(desk, file)
    file.write_text(LIST.replace("info@gent.example", "INFO@Gent.Example"))
    imported(desk, file)
    assert [one.casefold() for one in desk.rows(schema.contact, "email")] == [
        "info@aalst.example",
        "info@gent.example",
    ]


@pytest.mark.parametrize("what", ["info@gent.example", "INFO@GENT.EXAMPLE", "gent.example"])
@pytest.mark.parametrize("known", [False, True], ids=["new to us", "known before"])
def test_an_import_never_brings_back_who_is_suppressed(
    desk: Desk, file: Path, what: str, known: bool
) -> None:
    if known:
        imported(desk, file)
    desk.type("suppress", "add", what)
    for path in (file, file.with_name("another.csv")):
        path.write_text(LIST + "Gent-Oud;Info@GENT.example;nl\n")
        result = imported(desk, path)
        assert result.plan.suppressed
    emails = desk.rows(schema.contact, "email")
    assert emails == (["info@aalst.example", "info@gent.example"] if known else ["info@aalst.example"])
    # Whether it stands in the table or not: nobody writes there.
    desk.type("campaigns", "check", "trial", "--country", "BE")
    desk.type("campaigns", "launch", "trial", "--country", "BE", "--yes")
    assert desk.rows(schema.message, "email") == ["info@aalst.example"]
    excluded = [reason for reason in desk.rows(schema.recipient, "excluded") if reason]
    assert excluded == ([ExclusionReason.SUPPRESSED] if known else [])


def test_what_is_gone_from_the_file_is_kept_and_marked(desk: Desk, file: Path) -> None:
    imported(desk, file)
    file.write_text(LIST.replace("Gent-Oud;info@gent.example;nl\n", ""))
    desk.at(days=1)
    assert len(imported(desk, file).plan.gone) == 1
    assert [bool(at) for at in desk.rows(schema.contact, "gone_at")] == [False, True]


class TestRejects:
    def test_they_can_be_mended_and_imported(self, desk: Desk, file: Path) -> None:
        rejects = imported(desk, file).rejects_file
        assert rejects is not None
        assert rejects == file.with_name("gemeenten.rejected.csv")
        text = rejects.read_text(encoding="utf-8-sig")
        assert "Ciney-Haut" in text
        assert "Gent-Oud" not in text
        rejects.write_text(
            text.replace("geen", "info@ciney.example").replace("www.", "info@"), encoding="utf-8"
        )
        mended = imported(desk, rejects)
        assert [row.email for row in mended.plan.new] == ["info@ciney.example", "info@namur.example"]
        assert mended.rejects_file is None
        assert len(desk.rows(schema.contact, "id")) == 4

    def test_one_that_somebody_mends_is_never_written_over(self, desk: Desk, file: Path) -> None:
        rejects = imported(desk, file).rejects_file
        assert rejects is not None
        half_mended = rejects.read_text(encoding="utf-8").replace("geen", "info@ciney.example")
        rejects.write_text(half_mended, encoding="utf-8")
        file.write_text(LIST + "Dinant-Bas;onbekend;fr\n")
        second = imported(desk, file).rejects_file
        assert second is not None
        assert second != rejects
        assert rejects.read_text(encoding="utf-8") == half_mended
        assert "Dinant-Bas" in second.read_text(encoding="utf-8")

    def test_the_same_rejects_make_no_second_file(self, desk: Desk, file: Path) -> None:
        first = imported(desk, file).rejects_file
        assert imported(desk, file).rejects_file == first
        assert len(list(file.parent.glob("*rejected*"))) == 1

    def test_mending_by_halves(self, desk: Desk, file: Path) -> None:
        """What is still wrong in the mended file lands beside it, and the mended file stays as it is."""
        rejects = imported(desk, file).rejects_file
        assert rejects is not None
        text = rejects.read_text(encoding="utf-8").replace("geen", "info@ciney.example")
        rejects.write_text(text, encoding="utf-8")
        result = imported(desk, rejects)
        assert len(result.plan.new) == 1
        assert result.rejects_file is not None
        assert rejects.read_text(encoding="utf-8") == text
        assert "Namur-Est" in result.rejects_file.read_text(encoding="utf-8")


def test_the_same_address_at_two_municipalities_gets_one_mail(desk: Desk, file: Path) -> None:
    file.write_text("Gemeente;E-mail\nAalst-Noord;zone@samen.example\nGent-Oud;Zone@samen.example\n")
    imported(desk, file)
    assert len(desk.rows(schema.contact, "id")) == 2
    desk.type("campaigns", "check", "trial", "--country", "BE")
    desk.type("campaigns", "launch", "trial", "--country", "BE", "--yes")
    assert len(desk.rows(schema.message, "id")) == 1
    assert ExclusionReason.SHARED_ADDRESS in desk.rows(schema.recipient, "excluded")


class TestRememberedColumns:
    LIST = "Naam;Post;Post 2\nAalst-Noord;info@aalst.example;old@aalst.example\n"

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "lijst.csv"
        path.write_text(self.LIST)
        return path

    def shown(self, desk: Desk, path: Path, *options: str) -> list[tuple[str, int, str]]:
        out = desk.type("contacts", "import", path, "--country", "BE", "--json", *options)
        columns = json.loads(out)["columns"]
        return [(one["field"], one["number"], one["why"]) for one in columns if one["field"] == "email"]

    def test_they_are_named_once(self, desk: Desk, path: Path) -> None:
        found_out = [("email", 2, "content"), ("email", 3, "content")]
        assert self.shown(desk, path) == found_out
        assert self.shown(desk, path, "--map", "email=Post") == [("email", 2, "override")]
        assert self.shown(desk, path) == found_out  # nothing was applied
        assert self.shown(desk, path, "--map", "email=Post", "--apply") == [("email", 2, "override")]
        # The next version of the list, under another name; and the rejected rows of it.
        later = path.with_name("lijst-2027.csv")
        later.write_text(self.LIST.replace("Naam", "NAAM ") + "Gent-Oud;geen;x@gent.example\n")
        assert self.shown(desk, later) == [("email", 2, "remembered")]
        rejects = later.with_name("lijst-2027.rejected.csv")
        assert self.shown(desk, rejects) == [("email", 2, "remembered")]
        # Another country, another header, and once it is forgotten.
        other = path.with_name("other.csv")
        other.write_text(self.LIST.replace("Naam", "Gemeente"))
        assert self.shown(desk, other) == found_out
        assert self.shown(desk, path, "--forget-map", "--apply") == found_out
        assert self.shown(desk, path) == found_out
        assert [row for row in desk.rows(schema.audit, "action") if row == "contacts.columns"] == [
            "contacts.columns",
            "contacts.columns",
        ]

    def test_a_field_that_no_column_serves(self, desk: Desk, path: Path) -> None:
        self.shown(desk, path, "--map", "email=3", "--map", "person=", "--apply")
        assert self.shown(desk, path) == [("email", 3, "remembered")]

    def test_nothing_is_remembered_of_a_list_without_names(self, desk: Desk, path: Path) -> None:
        path.write_text(
            "Aalst-Noord;info@aalst.example;b@aalst.example\nGent;c@gent.example;d@gent.example\n"
        )
        self.shown(desk, path, "--map", "email=2", "--map", "municipality=1", "--apply")
        assert desk.rows(schema.list_columns, "id") == []
