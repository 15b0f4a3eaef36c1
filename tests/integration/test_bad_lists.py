"""Files that are no contact list, through the command as it is typed: one clear sentence, and nothing written."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xlsxwriter

from outreach.db import schema
from outreach.errors import InputError
from outreach.jobs.workspace import open_bytes
from tests.desks import Desk
from tests.lists import files
from tests.workspaces import Done, command

ROWS = [["Gemeente", "E-mail"], *([f"Plaats {n}", f"info@p{n}.example"] for n in range(40))]
CSV = files.text(ROWS, "utf-8", ";")
XLSX = files.xlsx(ROWS)


@pytest.fixture(scope="module")
def desk(blank_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(blank_workspace, tmp_path_factory.mktemp("bad") / "w")
    yield desk
    desk.close()


def type_import(desk: Desk, path: Path, *options: str) -> Done:
    return command(
        "-w", desk.workspace.root, "contacts", "import", path, "--country", "NL", "--apply", *options
    )


def refused(desk: Desk, path: Path, says: str, *options: str) -> None:
    before = sorted(path.parent.iterdir())
    done = type_import(desk, path, *options)
    assert done.code == 4, (done.out, done.err)
    assert done.out == ""
    assert says in done.err
    assert "Traceback" not in done.err
    # One sentence of what is wrong and one of what to do, perhaps folded; the file is named in it.
    assert done.err.count("\n") <= 3
    assert sorted(path.parent.iterdir()) == before
    assert desk.rows(schema.contact, "id") == desk.rows(schema.municipality, "id") == []


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


def wide() -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.add_worksheet().write_row(0, 0, ["E-mail", *(f"c{n}" for n in range(9_999))])
    book.close()
    return out.getvalue()


def locked_zip() -> bytes:
    """A ZIP whose entries say that they are encrypted (APPNOTE 4.4.4, bit 0)."""
    data = bytearray(zipped(xl__workbook_xml=b"<workbook/>"))
    struct.pack_into("<H", data, 6, 1)
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 8, 1)
    return bytes(data)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1016)


CASES = [
    ("empty.csv", b"", "is empty"),
    ("blank.csv", b"\xef\xbb\xbf\r\n \r\n", "is empty"),
    ("only-names.csv", b"Gemeente;E-mail\r\n", "no rows below"),
    ("cut.xlsx", XLSX[: len(XLSX) // 2], "damaged workbook, or one that is cut off"),
    ("cut.ods", files.ods(ROWS)[:-90], "damaged workbook, or one that is cut off"),
    ("cut.json", files.json_(ROWS)[:-40], "damaged or cut off"),
    ("cut.xml", files.xml(ROWS)[:-40], "damaged or cut off"),
    ("cut-utf16.csv", CSV.decode().encode("utf-16")[:-1], "damaged or cut off"),
    ("page.xls", b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>", "a web page (HTML) without a table"),
    ("locked.xlsx", OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    ("locked-too.xlsx", locked_zip(), "protected by a password"),
    ("bomb.xlsx", zipped(xl__workbook_xml=b"<workbook/>", xl__worksheets__s_xml=bytes(1 << 25)), "unpack to 32 MB"),
    ("wide.xlsx", wide(), "10000 columns"),
    ("wide.csv", b"E-mail" + b";x" * 9_999 + b"\r\n" + b"a@b.example" + b";y" * 9_999, "10000 columns"),
    ("nul.csv", CSV[:100] + b"\x00\x00" + CSV[100:], "NUL or control bytes"),
    ("giant.csv", CSV + b"x;" + b"y" * 50_000_000 + b"\r\n", "line 42: a cell is longer than 131072"),
    ("quote.csv", CSV + b'"Open;a@b.example\r\n', "line 42: a quotation mark is opened"),
    ("letter.pdf", b"%PDF-1.7\n", "a PDF document"),
    ("list.xlsx", b"%PDF-1.7\n", "a PDF document"),
    ("letter.docx", zipped(word__document_xml=b"<w/>"), "a text document or a presentation"),
    ("old.doc", OLE + "WordDocument".encode("utf-16-le"), "a text document or a presentation"),
    ("photo.csv", b"\x89PNG\r\n\x1a\n" + bytes(64), "a picture"),
    ("archive.csv", b"\x1f\x8b\x08" + bytes(64), "a compressed file"),
    ("lists.zip", zipped(list_csv=CSV), "ZIP file, not a workbook"),
    ("prose.txt", b"Dear all,\nplease find the list attached.\nKind regards\n", "No column of e-mail addresses"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "says"), CASES, ids=[case[0] for case in CASES])
def test_one_sentence_and_nothing_written(
    desk: Desk, tmp_path: Path, name: str, data: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    refused(desk, path, says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--encoding", "utf-16"), "is not text in utf-16"),
        (("--encoding", "cp1259"), "No encoding is called"),
        (("--delimiter", "ab"), "cannot be a delimiter"),
        (("--sheet", "x"), "has no sheet"),
        (("--header-row", "900"), "no rows from line 900"),
        (("--map", "email"), "has no '='"),
        (("--map", "email=Post"), "no column 'Post'"),
        (("--map", "colour=E-mail"), "cannot be mapped"),
    ],
)
def test_options_that_do_not_fit(desk: Desk, tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(CSV[:-1])
    refused(desk, path, says, *options)


def test_what_is_no_file(desk: Desk, tmp_path: Path) -> None:
    refused(desk, tmp_path, "is a folder")
    refused(desk, tmp_path / "nowhere.csv", "There is no file")
    os.mkfifo(tmp_path / "pipe.csv")
    refused(desk, tmp_path / "pipe.csv", "a device or a pipe")
    refused(desk, Path("/dev/zero"), "a device or a pipe")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    refused(desk, tmp_path / "loop.csv", "cannot be read")


def test_no_permission(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    if os.geteuid() != 0:
        refused(desk, path, "cannot be read: Permission denied")
        return
    # Root may read everything, so a child gives that up first.
    path.parent.chmod(0o755)
    child = os.fork()
    if not child:
        os.setuid(65534)
        try:
            open_bytes(path).close()
        except InputError as error:
            os._exit(0 if "cannot be read" in error.message and error.remedy else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_formula_in_a_rejected_row_is_text_in_its_file(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "formulas.csv"
    rows = [
        ["Gemeente", "E-mail", "Opmerking"],
        ["=cmd|'/c calc'!A0", "geen", '=HYPERLINK("http://e.example")'],
    ]
    path.write_bytes(files.text([*rows, ["@SUM(1)", "-", "+1+cmd"], ["\tA", "x", "-2+3"]], "utf-8", ";"))
    done = type_import(desk, path)
    assert done.code == 0, done.err
    text = (tmp_path / "formulas.rejected.csv").read_text(encoding="utf-8-sig")
    for line in text.splitlines()[1:]:
        for cell in line.split(";"):
            assert cell.lstrip('"')[:1] not in ("=", "@", "+", "\t"), line
    assert "'=cmd" in text


def test_a_page_saved_as_xls_with_a_table_is_a_list(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "list.xls"
    path.write_bytes(files.html(ROWS))
    done = command("-w", desk.workspace.root, "contacts", "import", path, "--country", "NL")
    assert done.code == 0, done.err
    assert "HTML" in done.out
    assert "40  new" in done.out
