"""A table of texts -> the bytes of a file of each format, written as the programs of each country write them."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import zipfile
from html import escape
from typing import Any

import xlsxwriter

Rows = list[list[str]]

# Romanian's letters with a comma below came late; ISO 8859-2 and Windows-1250 have the cedilla.
_BEFORE_UNICODE = str.maketrans("șțȘȚ\u2011", "şţŞŢ-")

_ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_ODS_NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def fits(cell: str, encoding: str) -> bool:
    try:
        cell.encode(encoding)
    except UnicodeError:
        return False
    return True


def in_code_page(cell: str, encoding: str) -> str:
    """As people typed it before there was Unicode: the letters that the page has, or those without their marks."""
    if fits(cell, encoding):
        return cell
    old = cell.translate(_BEFORE_UNICODE)
    if fits(old, encoding):
        return old
    return (
        "".join(c if fits(c, encoding) else unicodedata.normalize("NFKD", c)[:1] for c in old)
        .encode(encoding, "ignore")
        .decode(encoding)
    )


def text(rows: Rows, encoding: str, delimiter: str, quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n", quoting=quoting).writerows(rows)
    return out.getvalue().encode(encoding)


def xlsx(rows: Rows, above: Rows = (), groups: list[tuple[str, int]] = (), notes: Rows = ()) -> bytes:  # type: ignore[assignment]
    """``above``: title rows, the first merged over the table; ``groups``: an upper header row of merged cells,
    each with the number of columns below it. Numbers are numbers, so that codes lose their zeros."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_urls": False})
    book.add_worksheet("Info").write_string(0, 0, "Wersja 2025")
    sheet = book.add_worksheet("Lista")
    line = 0
    for row in above:
        if len(row) == 1:
            sheet.merge_range(line, 0, line, len(rows[0]) - 1, row[0])
        line += 1
    column = 0
    for title, width in groups:
        if width > 1:
            sheet.merge_range(line, column, line, column + width - 1, title)
        else:
            sheet.write_string(line, column, title)
        column += width
    line += bool(groups)
    for row in (*rows, *notes):
        for column, cell in enumerate(row):
            if cell.isascii() and cell.isdigit() and len(cell) < 12:
                sheet.write_number(line, column, int(cell))
            elif cell:
                sheet.write_string(line, column, cell)
        line += 1
    book.close()
    return out.getvalue()


def ods(rows: Rows) -> bytes:
    lines = []
    for row in rows:
        cells = "".join(
            '<table:table-cell office:value-type="string">'
            + "".join(f"<text:p>{escape(part)}</text:p>" for part in cell.split("\n"))
            + "</table:table-cell>"
            if cell
            else "<table:table-cell/>"
            for cell in row
        )
        lines.append(f"<table:table-row>{cells}</table:table-row>")
    parts = {
        "mimetype": _ODS_TYPE,
        "content.xml": f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_ODS_NAMES} '
        'office:version="1.2"><office:body><office:spreadsheet><table:table table:name="List">'
        + "".join(lines)
        + "</table:table></office:spreadsheet></office:body></office:document-content>",
        "META-INF/manifest.xml": '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest '
        'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2"/>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, (2025, 10, 1, 0, 0, 0)), content, method)
    return out.getvalue()


def html(rows: Rows) -> bytes:
    """A web page that its author calls .xls, as many content systems export tables."""
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell).replace(chr(10), '<br>')}</td>" for cell in row) + "</tr>\n"
        for row in rows
    )
    return (
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>'
        f"<table><tr><td>Menu</td></tr></table><h1>List</h1><table border=1>{lines}</table></body></html>"
    ).encode()


def records(rows: Rows) -> list[dict[str, Any]]:
    """The rows as objects; what is JSON in a cell is JSON in the object."""
    return [{k: _unpacked(v) for k, v in zip(rows[0], row, strict=False)} for row in rows[1:]]


def _unpacked(cell: str) -> Any:
    return json.loads(cell) if cell[:1] == "[" and cell[-1:] == "]" and '"' in cell else cell


def json_(rows: Rows) -> bytes:
    return json.dumps({"total_count": len(rows) - 1, "results": records(rows)}, ensure_ascii=False).encode()


def json_lines(rows: Rows) -> bytes:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records(rows)).encode()


def geojson(rows: Rows) -> bytes:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [[[4.1, 50.2], [4.3, 50.2], [4.2, 50.5]]]},
            "properties": record,
        }
        for record in records(rows)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def xml_name(title: str) -> str:
    """``E-mail algemeen`` -> ``e_mail_algemeen``; of a name in two languages the first."""
    return re.sub(r"\W+", "_", title.partition("/")[0].strip().lower())


def xml(rows: Rows) -> bytes:
    """A register: one element a row, the names of the columns as XML can have them."""
    names = [xml_name(name) for name in rows[0]]
    lines = "".join(
        "<organisation>"
        + "".join(f"<{n}>{escape(c)}</{n}>" for n, c in zip(names, row, strict=False))
        + "</organisation>\n"
        for row in rows[1:]
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<register date="2025"><rows>{lines}</rows></register>'.encode()
