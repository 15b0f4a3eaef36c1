"""The file of rejected rows, mended, goes in as it is: in every country's habits."""

import csv
import io
from random import Random

import pytest

from outreach.contacts import decode, normalize, rejects
from outreach.contacts.columns import header_key, map_columns
from outreach.contacts.decode import Table
from outreach.contacts.headers import Field
from outreach.contacts.normalize import Rejected, RejectReason
from outreach.model.values import ContactRow
from tests.lists.made import made
from tests.lists.towns import COUNTRIES


def read(data: bytes, country: str) -> tuple[Table, tuple[int, ...], list[ContactRow | Rejected]]:
    table = decode.table(data, filename="list", country=country)
    mapping = map_columns(table.header, table.sample, country=country, hidden=table.hidden)
    return table, mapping.indexes(Field.EMAIL), list(normalize.contacts(table.rows, mapping, country))


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_mended_file_goes_in_as_it_is(country: str) -> None:
    for seed in range(9):
        one = made(country, Random(f"{country}-mended-{seed}"), rows=30)
        table, emails, rows = read(one.data, country)
        rejected = [row for row in rows if isinstance(row, Rejected)]
        if any(row.reason is not RejectReason.NOT_A_CONTACT for row in rejected):
            break
    text = rejects.write(rejected, table.header, "the list")
    lines = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";"))
    assert header_key(lines[0]) == header_key(table.header)  # its columns are those remembered for the list
    by_line = {row.line: row for row in rejected}
    wanted = set()
    for number, cells in enumerate(lines[1:]):
        fault = by_line[int(cells[len(table.header)])]
        if fault.reason is not RejectReason.NOT_A_CONTACT:
            at = next((i for i in emails if table.header[i].strip() == fault.column), emails[0])
            cells[at] = f"mended{number}@x{number}.example"
            wanted.add(cells[at])
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows(lines)
    again, _, mended = read(out.getvalue().encode("utf-8-sig"), country)
    assert rejects.source_of(again.header, again.sample) == "the list"
    assert wanted
    assert wanted <= {row.email for row in mended if isinstance(row, ContactRow)}
    left = {row.reason for row in mended if isinstance(row, Rejected)}
    assert left <= {RejectReason.NOT_A_CONTACT}
