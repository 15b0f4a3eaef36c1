"""In which encoding a text file is. Read in pieces, whatever its size."""

from __future__ import annotations

import codecs
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from outreach.contacts.country import habits
from outreach.errors import InputError

_CHUNK = 1 << 20
_PUNCTUATION = frozenset("–—’‘“”„‟«»…·•€§°\u00a0ºª¡¿©®´\u00ad№")
# Control characters, but for the white space among them and the mark that DOS ends a file with.
_CONTROLS = bytes((*range(1, 9), *range(14, 26), 27, 28))
_ASCII = bytes(range(128))
_DOS = frozenset({"cp437", "cp737", "cp775", "cp850", "cp852", "cp866"})
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(slots=True)
class _Survey:
    """What one reading of all the bytes tells."""

    size: int = 0
    controls: int = 0
    quotes: int = 0
    has_nul: bool = False
    is_utf8: bool = True
    foreign: Counter[int] = field(default_factory=Counter)  # each byte outside ASCII


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


def _survey(file: BinaryIO) -> _Survey:
    found = _Survey()
    decoder = codecs.getincrementaldecoder("utf-8")()
    for chunk in _chunks(file):
        found.size += len(chunk)
        found.controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
        found.quotes += chunk.count(b'"')
        found.has_nul = found.has_nul or b"\x00" in chunk
        if not chunk.isascii():
            found.foreign.update(chunk.translate(None, _ASCII))
        if found.is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeError:
                found.is_utf8 = False
    if found.is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeError:
            found.is_utf8 = False
    return found


def encoding_of(file: BinaryIO, filename: str, country: str, given: str | None) -> tuple[str, bool]:
    """The encoding of ``file`` as Python names it, ``given`` or found, and whether its quotation marks come in
    an odd number. Raises InputError for bytes that are no text, or not text in the encoding given."""
    survey = _survey(file)
    name = _given(file, filename, given) if given else _found(file, filename, country, survey)
    return name, survey.quotes % 2 == 1


@contextmanager
def as_text(
    file: BinaryIO, encoding: str, *, newline: str | None = None, errors: str = "strict"
) -> Iterator[io.TextIOWrapper]:
    """The file's text from its start. The file stays its opener's to close, also when that comes first: a reader
    that nobody finished ends with it."""
    file.seek(0)
    stream = io.TextIOWrapper(file, encoding=encoding, newline=newline, errors=errors)
    try:
        yield stream
    finally:
        with suppress(ValueError):  # it is closed
            stream.detach()


def not_text(filename: str) -> InputError:
    return InputError(
        f"{filename} is not a text file: it holds NUL or control bytes.", "Save the list as CSV, XLSX or ODS."
    )


def _decodes(file: BinaryIO, encoding: str) -> bool:
    """Whether the whole file is text in ``encoding``, without holding that text."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(file):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _start(file: BinaryIO, size: int) -> bytes:
    file.seek(0)
    return file.read(size)


def _given(file: BinaryIO, filename: str, encoding: str) -> str:
    try:
        info = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise InputError(
            f"No encoding is called {encoding!r}.", "Give one such as utf-8 or cp1252."
        ) from None
    if not info._is_text_encoding:
        raise InputError(f"{encoding!r} is not an encoding of text.", "Give one such as utf-8 or cp1252.")
    name = info.name
    if name == "utf-8" and _start(file, 3) == codecs.BOM_UTF8:
        name = "utf-8-sig"
    if not _decodes(file, name):
        raise InputError(f"{filename} is not text in {encoding}.", "Leave --encoding out to have it found.")
    return name


def _found(file: BinaryIO, filename: str, country: str, survey: _Survey) -> str:
    start = _start(file, 4096)
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            if not _decodes(file, encoding):
                raise InputError(
                    f"{filename} begins as {encoding} and is damaged or cut off further on.",
                    "Export it again.",
                )
            return encoding
    if survey.has_nul:
        even, odd = start[0::2].count(0), start[1::2].count(0)
        for encoding, many, few in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
            if many > len(start) / 8 and few == 0 and _decodes(file, encoding):
                return encoding
        raise not_text(filename)
    if survey.controls > survey.size / 1000:
        raise not_text(filename)
    if survey.is_utf8:
        return "utf-8"
    country_habits = habits(country)
    best, best_share = None, -1.0
    for page in country_habits.code_pages:
        share = _share_of_letters(survey.foreign, page, country_habits.letters)
        # A page of DOS is believed only where the others make nonsense of the file.
        if share > best_share + (0.3 if page in _DOS else 0.02) and _decodes(file, page):
            best, best_share = page, share
    if best is None:
        raise InputError(
            f"{filename} is text neither in UTF-8 nor in {', '.join(country_habits.code_pages)}.",
            "Give its encoding with --encoding.",
        )
    return best


def _share_of_letters(counts: Counter[int], page: str, letters: frozenset[str]) -> float:
    """Which share of the bytes outside ASCII the code page turns into the country's letters; usual signs of
    printing count half."""
    score = 0.0
    for code, count in counts.items():
        character = bytes([code]).decode(page, "replace")
        score += count * (1.0 if character in letters else 0.5 if character in _PUNCTUATION else 0.0)
    return score / counts.total()
