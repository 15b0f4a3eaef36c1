import contextlib
import io
import zipfile

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.contacts import decode
from outreach.contacts.decode import Table
from outreach.errors import InputError

DE = "Gemeinde;E-Mail\r\nÖhringen-Süd;info@oehringen.example\r\nGroßau;info@grossau.example\r\n"


def read(data: bytes, country: str = "DE", **options: str) -> Table:
    return decode.table(data, filename="list.csv", country=country, **options)


def cells(table: Table) -> list[list[str]]:
    return [row.cells for row in table.rows]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("cp1252", "cp1252"),
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_encoding_is_found_and_told(encoding: str, found: str) -> None:
    table = read(DE.encode(encoding))
    assert table.encoding == found
    assert table.header == ("Gemeinde", "E-Mail")
    assert cells(table)[0] == ["Öhringen-Süd", "info@oehringen.example"]


@pytest.mark.parametrize(
    ("country", "encoding", "name"),
    [
        ("BG", "cp1251", "Белокамен"),
        ("BG", "iso8859-5", "Белокамен"),
        ("GR", "cp1253", "Ήρα Άνω"),
        ("GR", "iso8859-7", "Άνω Άγιος"),
        ("CZ", "cp1250", "Šťastná Lhota"),
        ("CZ", "iso8859-2", "Šťastná Žďár"),
        ("PL", "cp1250", "Środa Śląska"),
        ("PL", "iso8859-2", "Środa Śląska"),
        ("LT", "cp1257", "Šiaurės Ąžuolynas"),
        ("DE", "cp850", "Öhringen"),
        ("HU", "cp1250", "Őrszentkút"),
    ],
)
def test_code_page_of_the_country(country: str, encoding: str, name: str) -> None:
    table = read(f"name;e-mail\n{name};info@a.example\n".encode(encoding), country)
    assert table.encoding == encoding
    assert cells(table)[0][0] == name


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_delimiter_is_found(delimiter: str) -> None:
    text = DE.replace(";", delimiter)
    table = read(text.encode())
    assert table.delimiter == delimiter
    assert len(cells(table)) == 2


def test_delimiter_inside_quotes_is_text() -> None:
    table = read(b'Gemeinde,Adresse,E-Mail\n"A, B","{""a"": 1, ""b"": 2}",info@a.example\n')
    assert cells(table) == [["A, B", '{"a": 1, "b": 2}', "info@a.example"]]


def test_delimiter_can_be_declared_or_given() -> None:
    assert read(b"sep=|\nGemeinde|E-Mail\nA|info@a.example\n").delimiter == "|"
    assert read(b"Gemeinde:E-Mail\nA:info@a.example\n", delimiter=":").header == ("Gemeinde", "E-Mail")
    with pytest.raises(InputError, match="cannot be a delimiter"):
        read(DE.encode(), delimiter="ab")


def test_title_rows_stand_above_the_header() -> None:
    table = read(
        b"Gemeinden 2025;\nRueckfragen: info@verband.example;\n\nGemeinde;E-Mail\nA;info@a.example\n"
    )
    assert table.header_line == 4
    assert [(row.line, row.cells) for row in table.rows] == [(5, ["A", "info@a.example"])]


def test_a_list_without_header_loses_no_row() -> None:
    table = read(b"Musterau;info@a.example\nBergau;info@b.example\n")
    assert table.header_line == 0
    assert table.header == ("column 1", "column 2")
    assert len(cells(table)) == 2


def test_lines_are_those_of_the_file() -> None:
    table = read(b'Gemeinde;E-Mail\n"A\nB";info@a.example\n;\nC;info@c.example\n')
    assert [row.line for row in table.rows] == [2, 5]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        (b"<!DOCTYPE html><html><table><tr><td>E-Mail", "web page"),
        (b"  <table border=0>", "web page"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04 and nothing more", "damaged"),
        (b"PK\x05\x06" + bytes(18), "empty or damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"Gemeinde;E-Mail\nA\x00B;info@a.example\n", "NUL"),
        (bytes(range(1, 256)) * 10, "not a text file"),
        (b'{"type": "FeatureCollection"}', "no list of records"),
        (b"Gemeinde;E-Mail\n", "no rows below"),
        (b"a;" * 2000 + b"\ninfo@a.example;b\nc;d\n" * 3, "columns are more"),
    ],
)
def test_what_is_no_list_gets_one_sentence(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        list(read(data).rows)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_wrong_encoding_given() -> None:
    with pytest.raises(InputError, match="is not text in utf-8"):
        read(DE.encode("cp1252"), encoding="utf-8")
    with pytest.raises(InputError, match="No encoding is called"):
        read(DE.encode(), encoding="utf-9")
    with pytest.raises(InputError, match="not an encoding of text"):
        read(DE.encode(), encoding="base64")


def test_giant_cell_and_open_quote() -> None:
    with pytest.raises(InputError, match="line 2: a cell is longer"):
        list(read(b"Gemeinde;E-Mail\n" + b"x" * 200_000 + b";info@a.example\n").rows)
    with pytest.raises(InputError, match="line 3: a quotation mark is opened"):
        list(read(b'Gemeinde;E-Mail\nA;info@a.example\n"B;info@b.example\nC;info@c.example\n').rows)


def workbook(rows: list[list[object]], *sheets: str) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    for name in sheets:
        book.add_worksheet(name).write(0, 0, "Notes of last year")
    sheet = book.add_worksheet("List")
    for line, row in enumerate(rows):
        sheet.write_row(line, 0, row)
    book.close()
    return out.getvalue()


def test_xlsx_finds_the_sheet_with_a_header() -> None:
    table = read(workbook([["Gemeente", "E-mail", "CBS"], ["A", "info@a.example", 17]], "Read me"), "NL")
    assert (table.format, table.sheet) == ("xlsx", "List")
    assert [tuple(row) for row in table.rows] == [(2, ["A", "info@a.example", "17"])]
    with pytest.raises(InputError, match="has no sheet 'X'"):
        read(workbook([["E-mail"]]), sheet="X")


def test_too_wide_a_sheet_is_refused_before_it_is_unpacked() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write(0, 0, "E-mail")
    sheet.write(1_048_575, 16_383, "x")
    book.close()
    with pytest.raises(InputError, match="16384 columns"):
        read(out.getvalue())


def test_zip_bomb_and_other_archives() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(1 << 25))
    with pytest.raises(InputError, match="would unpack to 32 MB"):
        read(out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("list.csv", DE)
    with pytest.raises(InputError, match="ZIP file, not a workbook"):
        read(out.getvalue())


def ods(content: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '<table:table-row><table:table-cell table:number-columns-repeated="16000"><text:p>A',
            "16000 columns",
        ),
        ('<table:table-row table:number-rows-repeated="1048000"><table:table-cell><text:p>A', "1048000 rows"),
    ],
)
def test_a_filled_cell_repeated_too_often(content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(ods(content), "SE")


def test_damaged_workbook() -> None:
    data = workbook([["Gemeente", "E-mail"], ["A", "info@a.example"]])
    with pytest.raises(InputError, match="damaged"):
        read(data[: len(data) // 2])
    broken = bytearray(data)
    broken[200:260] = bytes(60)
    with pytest.raises(InputError):
        list(read(bytes(broken)).rows)


_STARTS = [
    b"",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b'a;e-mail\n"',
    b"sep=",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_STARTS), st.binary(max_size=400), st.sampled_from(["DE", "GR", "BG"]))
def test_any_bytes_give_rows_or_an_input_error(start: bytes, rest: bytes, country: str) -> None:
    with contextlib.suppress(InputError):
        for row in read(start + rest, country).rows:
            assert any(cell.strip() for cell in row.cells)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 7000), st.binary(min_size=1, max_size=8))
def test_any_damage_to_a_workbook_gives_rows_or_an_input_error(at: int, bytes_in: bytes) -> None:
    data = bytearray(_WORKBOOK)
    data[at : at + len(bytes_in)] = bytes_in
    with contextlib.suppress(InputError):
        list(read(bytes(data)).rows)


_WORKBOOK = workbook([["Gemeente", "E-mail"], *([f"Plaats {i}", f"info@p{i}.example"] for i in range(20))])
