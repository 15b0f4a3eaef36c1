"""Text tables: which delimiter, then the rows as a stream."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from outreach.contacts.country import habits
from outreach.contacts.encodings import as_text, encoding_of, not_text
from outreach.contacts.headers import field_of
from outreach.contacts.rawtable import MAX_CELL, RawTable
from outreach.errors import InputError

_SAMPLE = 1 << 16
_DELIMITERS = (";", ",", "\t", "|")
_NO_DELIMITER = "\x1f"  # stands in no text file
_MAX_LINES_IN_ROW = 200


def read(
    file: BinaryIO, filename: str, country: str, encoding: str | None, delimiter: str | None
) -> RawTable:
    """The rows of a text file. Raises InputError, at once or while the rows are read."""
    encoding, odd_quotes = encoding_of(file, filename, country, encoding)
    with as_text(file, encoding, newline="") as stream:
        sample = stream.read(_SAMPLE)
    if "\x00" in sample:
        raise not_text(filename)
    declared, skipped = _declared_delimiter(sample)
    if delimiter is None:
        delimiter = declared or _delimiter(sample, habits(country).languages)
    else:
        delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter.lower(), delimiter)
        if len(delimiter) > 1 or delimiter in ('"', "\r", "\n"):
            raise InputError(f"{delimiter!r} cannot be a delimiter.", "Give a single sign, or the word tab.")
    rows = _rows(file, filename, encoding, delimiter or _NO_DELIMITER, skipped, odd_quotes)
    return RawTable("csv", rows, encoding=encoding, delimiter=delimiter)


def _rows(
    file: BinaryIO, filename: str, encoding: str, delimiter: str, skipped: int, odd_quotes: bool
) -> Iterator[tuple[int, list[str]]]:
    with as_text(file, encoding, newline="") as stream:
        if skipped:
            stream.readline()
        reader = csv.reader(stream, delimiter=delimiter, skipinitialspace=True)
        line = end = 0
        last: list[str] = []
        try:
            for cells in reader:
                line, end = end + 1, reader.line_num
                if end - line > _MAX_LINES_IN_ROW:
                    raise _unclosed(filename, line + skipped)
                last = cells
                yield line + skipped, cells
        except csv.Error:
            raise InputError(
                f"{filename}, line {end + 1 + skipped}: a cell is longer than {MAX_CELL} characters, "
                "or a quotation mark is not closed.",
                "Mend that line and import again.",
            ) from None
        except UnicodeError:
            raise InputError(
                f"{filename} cannot be read as {encoding} after line {end + skipped}.",
                "Give another --encoding.",
            ) from None
        if odd_quotes and last and (end > line or delimiter in last[-1] or "\n" in last[-1]):
            raise _unclosed(filename, line + skipped)


def _unclosed(filename: str, line: int) -> InputError:
    return InputError(
        f"{filename}, line {line}: a quotation mark is opened and not closed.",
        'Close it, or double it where it is part of the text ("").',
    )


def _declared_delimiter(sample: str) -> tuple[str | None, int]:
    """Excel's own first line ``sep=;`` -> the delimiter and the number of lines to skip."""
    line = sample.lstrip("\ufeff").split("\n", 1)[0].strip("\r\n\"'")
    if line.lower().startswith("sep=") and len(line) == 5:
        return line[4], 1
    return None, 0


def _delimiter(sample: str, languages: tuple[str, ...]) -> str:
    """The delimiter that gives rows of one width and names that we know; empty: the file has one column."""
    if len(sample) == _SAMPLE:
        sample = sample[: sample.rfind("\n") + 1] or sample
    best, best_score = "", 0.0
    for delimiter in _DELIMITERS:
        try:
            rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row]
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if not widths:
            continue
        width, rows_of_width = widths.most_common(1)[0]
        named = max(
            len({field_of(c.strip(), languages) for c in row if len(c) < 80} - {None}) for row in rows[:60]
        )
        score = rows_of_width / len(rows) + (named if named > 1 else 0) + min(width, 10) / 100
        if score > best_score and (named > 1 or rows_of_width > len(rows) / 2):
            best, best_score = delimiter, score
    return best
