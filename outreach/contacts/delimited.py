"""Text tables: which encoding, which delimiter, then the rows as a stream."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator

from outreach.contacts.country import habits
from outreach.contacts.headers import field_of
from outreach.contacts.rawtable import MAX_CELL, RawTable
from outreach.errors import InputError

_CHUNK = 1 << 20
_SAMPLE = 1 << 16
_DELIMITERS = (";", ",", "\t", "|")
_NO_DELIMITER = "\x1f"  # stands in no text file
_MAX_LINES_IN_ROW = 200
_PUNCTUATION = frozenset("–—’‘“”„«»…·•€§°\u00a0ºª¡¿©®´\u00ad№")
_CONTROLS = bytes((*range(1, 9), *range(14, 26), 27, 28))
_ASCII = bytes(range(128))
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read(data: bytes, filename: str, country: str, encoding: str | None, delimiter: str | None) -> RawTable:
    """The rows of a text file. Raises InputError, at once or while the rows are read."""
    encoding = _given(data, filename, encoding) if encoding else _found(data, filename, country)
    stream = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    sample = stream.read(_SAMPLE)
    if "\x00" in sample:
        raise _binary(filename)
    declared, skipped = _declared_delimiter(sample)
    if delimiter is None:
        delimiter = declared or _delimiter(sample, habits(country).languages)
    else:
        delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter.lower(), delimiter)
        if len(delimiter) > 1 or delimiter in ('"', "\r", "\n"):
            raise InputError(f"{delimiter!r} cannot be a delimiter.", "Give a single sign, or the word tab.")
    # Read anew from the start: TextIOWrapper cannot put characters back.
    stream = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    if skipped:
        stream.readline()
    odd_quotes = data.count(b'"') % 2 == 1
    rows = _rows(stream, filename, delimiter or _NO_DELIMITER, skipped, odd_quotes)
    return RawTable("csv", rows, encoding=encoding, delimiter=delimiter)


def _rows(
    stream: io.TextIOWrapper, filename: str, delimiter: str, skipped: int, odd_quotes: bool
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(stream, delimiter=delimiter, skipinitialspace=True)
    line = end = 0
    try:
        for cells in reader:
            line, end = end + 1, reader.line_num
            if end - line > _MAX_LINES_IN_ROW:
                raise _unclosed(filename, line + skipped)
            yield line + skipped, cells
    except csv.Error:
        raise InputError(
            f"{filename}, line {end + 1 + skipped}: a cell is longer than {MAX_CELL} characters, "
            "or a quotation mark is not closed.",
            "Mend that line and import again.",
        ) from None
    except UnicodeError:
        raise InputError(
            f"{filename} cannot be read as {stream.encoding} after line {end + skipped}.",
            "Give another --encoding.",
        ) from None
    if odd_quotes and end > line:
        raise _unclosed(filename, line + skipped)


def _unclosed(filename: str, line: int) -> InputError:
    return InputError(
        f"{filename}, line {line}: a quotation mark is opened and not closed.",
        'Close it, or double it where it is part of the text ("").',
    )


def _binary(filename: str) -> InputError:
    return InputError(
        f"{filename} is not a text file: it holds NUL or control bytes.", "Save the list as CSV, XLSX or ODS."
    )


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether all of ``data`` is text in ``encoding``, without holding that text."""
    decoder = codecs.getincrementaldecoder(encoding)()
    view = memoryview(data)
    try:
        for start in range(0, len(data), _CHUNK):
            decoder.decode(view[start : start + _CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _given(data: bytes, filename: str, encoding: str) -> str:
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise InputError(
            f"No encoding is called {encoding!r}.", "Give one such as utf-8 or cp1252."
        ) from None
    if not info._is_text_encoding:
        raise InputError(f"{encoding!r} is not an encoding of text.", "Give one such as utf-8 or cp1252.")
    name = "utf-8-sig" if info.name == "utf-8" and data.startswith(codecs.BOM_UTF8) else info.name
    if not _decodes(data, name):
        raise InputError(f"{filename} is not text in {encoding}.", "Leave --encoding out to have it found.")
    return name


def _found(data: bytes, filename: str, country: str) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            if not _decodes(data, encoding):
                raise InputError(
                    f"{filename} begins as {encoding} and is damaged further on.", "Export it again."
                )
            return encoding
    if b"\x00" in data:
        return _utf16_without_mark(data, filename)
    # Control characters, but for the white space among them and the mark that DOS ends a file with.
    if len(data) - len(data.translate(None, _CONTROLS)) > len(data) / 1000:
        raise _binary(filename)
    if data.isascii() or _decodes(data, "utf-8"):
        return "utf-8"
    country_habits = habits(country)
    words = _foreign_bytes(data)
    best, best_share = None, -1.0
    for page in country_habits.code_pages:
        share = _share_of_letters(words, page, country_habits.letters)
        if share > best_share + 0.02 and _decodes(data, page):
            best, best_share = page, share
    if best is None:
        raise InputError(
            f"{filename} is text neither in UTF-8 nor in {', '.join(country_habits.code_pages)}.",
            "Give its encoding with --encoding.",
        )
    return best


def _utf16_without_mark(data: bytes, filename: str) -> str:
    start = data[:4096]
    even, odd = start[0::2].count(0), start[1::2].count(0)
    for encoding, many, few in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if many > len(start) / 8 and few == 0 and _decodes(data, encoding):
            return encoding
    raise _binary(filename)


def _foreign_bytes(data: bytes) -> Counter[int]:
    """How often each byte outside ASCII stands in the file."""
    return Counter(data.translate(None, _ASCII))


def _share_of_letters(counts: Counter[int], page: str, letters: frozenset[str]) -> float:
    """Which share of the bytes outside ASCII the code page turns into the country's letters; usual signs of
    printing count half."""
    score = 0.0
    for code, count in counts.items():
        character = bytes([code]).decode(page, "replace")
        score += count * (1.0 if character in letters else 0.5 if character in _PUNCTUATION else 0.0)
    return score / counts.total()


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
