"""The made-up lists of ``contacts/`` go in at the first try, and show rejects as real ones do."""

import importlib.util
from pathlib import Path

import pytest

from outreach.contacts import columns, decode, merge, normalize
from outreach.contacts.merge import ImportPlan

ROOT = Path(__file__).parents[2]

#: file -> format, encoding, new, duplicates, lines rejected
EXPECTED = {
    "BE/gemeenten-communes.csv": ("csv", "utf-8-sig", 11, 1, [7, 14]),
    "BG/obshtini.csv": ("csv", "cp1251", 8, 1, [6, 11]),
    "DE/gemeinden.csv": ("csv", "cp1252", 11, 0, [9, 14, 16]),
    "FI/kunnat.csv": ("csv", "utf-8", 9, 1, [9, 12]),
    "FR/mairies.csv": ("csv", "utf-8-sig", 9, 1, [7, 8]),
    "GR/dimoi.csv": ("csv", "cp1253", 7, 0, [6, 8, 10]),
    "IE/local-authorities.csv": ("csv", "utf-8", 8, 1, [7, 11]),
    "NL/gemeenten.xlsx": ("xlsx", None, 12, 0, [9, 11, 15]),
    "SE/kommuner.ods": ("ods", None, 8, 1, [7, 11]),
}


def imported(name: str) -> tuple[decode.Table, ImportPlan]:
    country = name[:2]
    table = decode.table((ROOT / "contacts" / name).read_bytes(), filename=name, country=country)
    mapping = columns.map_columns(table.header, table.sample, country=country)
    return table, merge.plan(normalize.contacts(table.rows, mapping, country), {}, lambda _: False)


@pytest.mark.parametrize("name", EXPECTED)
def test_sample_list(name: str) -> None:
    kind, encoding, new, duplicates, rejected = EXPECTED[name]
    table, plan = imported(name)
    assert (table.format, table.encoding) == (kind, encoding)
    assert (len(plan.new), len(plan.duplicates)) == (new, duplicates)
    assert [reject.line for reject in plan.rejected] == rejected
    assert all(contact.email.endswith(".example") for contact in plan.new)
    assert all(any(map(str.isalpha, contact.place.name)) for contact in plan.new)


def test_languages_of_two_languages_countries() -> None:
    _, belgium = imported("BE/gemeenten-communes.csv")
    assert {contact.language for contact in belgium.new} == {"nl", "fr", "de", None}
    assert [c.place.languages for c in belgium.new if c.language is None] == [("fr", "nl")]
    _, finland = imported("FI/kunnat.csv")
    assert {c.place.languages for c in finland.new if c.language is None} == {("fi", "sv"), ("sv", "fi")}


def test_the_lists_are_those_the_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("make_lists", ROOT / "tests" / "samples" / "make_lists.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = script.lists()
    assert set(written) == set(EXPECTED)
    for name, data in written.items():
        if name.endswith(".csv"):
            assert (ROOT / "contacts" / name).read_bytes() == data
