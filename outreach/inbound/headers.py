"""Header fields: splitting a block (RFC 5322), encoded words (RFC 2047), parameters (RFC 2231), addresses.

Every function takes what it is given, however broken, and needs time linear in its size.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from outreach.inbound.charsets import decode

_PARAMETER_LINE = re.compile(r"(?:boundary|charset|name|report-type|type|format)[ \t]*=", re.IGNORECASE)
_FOLD = re.compile(rb"\n(?=[ \t])")
_FIELDS = re.compile(r"^([!-9;-~]+)[ \t]*:(.*)$", re.MULTILINE)
_DATE = re.compile(
    r"(?:[A-Za-z]{3}, ?)?(\d{1,2}) ([A-Z][a-z]{2}) (20\d\d|19\d\d) (\d\d):(\d\d)(?::(\d\d))? ([+-])(\d\d)(\d\d)(?: |$)"
)
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_ENCODED = re.compile(r"=\?([^?\s]*+)\?([bBqQ])\?([^?]*+)\?=")
_PARAM = re.compile(r';\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^;]*+))', re.DOTALL)
_SECTION = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*)?)?$")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MAX_PARAMETERS = 8192  # characters of one field read for parameters; honest ones have a few hundred

_ATOM = r"[^\s<>()\[\],;:\"\\@]"
_ADDRESS = re.compile(rf'(?<!{_ATOM})(?:{_ATOM}++|"[^"\n<>]{{1,64}}+")@(?:{_ATOM}++|\[[^\]\s]{{1,64}}+\])')
_BRACKETED = re.compile(r"<[^<>@]{1,200}+@[^<>@]{1,200}+>\s*+(?=,|$)")  # the end of a mailbox
_QUOTED = re.compile(r'\s*+"(?:[^"\\]|\\.)*+"')
_MESSAGE_ID = re.compile(r"<[^<>\s]++>")


def split_block(block: bytes) -> tuple[dict[str, list[str]], int]:
    """Fields of a header block with line ends ``\\n``: lower-case name -> decoded values in order.

    The number says where the block stopped being one: the offset of the first line that is no field, or -1.
    """
    fields: dict[str, list[str]] = {}
    unfolded = _FOLD.sub(b"", block) if b"\n " in block or b"\n\t" in block else block
    try:
        lines = unfolded.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        lines = [decode(line) for line in unfolded.split(b"\n")]
    plain = _FIELDS.findall("\n".join(lines)) if len(lines) > 1 else ()
    if len(plain) == len(lines) - (lines[-1] == ""):
        for name, value in plain:
            name = name.lower()
            if name in fields:
                fields[name].append(_value(value))
            else:
                fields[name] = [_value(value)]
        return fields, -1
    last = ""
    for number, line in enumerate(lines):
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if colon and name.isascii() and name.isprintable() and name and " " not in name:
            last = name.lower()
            fields.setdefault(last, []).append(_value(value))
        elif last == "content-type" and _PARAMETER_LINE.match(line):
            # A fold that lost its blank.
            if len(fields[last][-1]) < _MAX_PARAMETERS:
                fields[last][-1] += " " + line.strip()
        elif line and not (number < 2 and line.startswith(("From ", ">From "))):
            before = unfolded.split(b"\n", number)[:number]
            return fields, _original_offset(block, sum(map(len, before)) + number)
    return fields, -1


def _value(value: str) -> str:
    if "=?" in value:
        value = decode_words(value)
    if "\t" in value:
        value = value.replace("\t", " ")
    return value.strip()


def _original_offset(block: bytes, offset: int) -> int:
    """Where ``offset`` of the unfolded block is in ``block``: each fold before it lost one byte."""
    removed = 0
    for fold in _FOLD.finditer(block):
        if fold.start() - removed >= offset:
            break
        removed += 1
    return offset + removed


def decode_words(value: str) -> str:
    """``value`` with its encoded words decoded; neighbours of one charset are joined before decoding, because
    senders cut them inside a character."""
    out: list[str] = []
    pending = b""
    charset = ""
    position = 0
    for word in _ENCODED.finditer(value):
        between = value[position : word.start()]
        name = word[1].partition("*")[0].lower()
        data = _word_bytes(word[2], word[3])
        if pending and between.strip() == "" and name == charset:
            pending += data
        else:
            out.append(decode(pending, charset))
            if not (charset and between.strip() == ""):
                out.append(between)
            pending, charset = data, name
        position = word.end()
    out.append(decode(pending, charset or None))
    out.append(value[position:])
    text = "".join(out)
    # A decoded word may bring a line end in; a header value never has one.
    return text.replace("\r", " ").replace("\n", " ") if "\n" in text or "\r" in text else text


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "bB":
        return decode_base64(data)
    return binascii.a2b_qp(data.replace(b"\n", b""), header=True)


def decode_base64(data: bytes) -> bytes:
    """Base64 with whatever stands between; a damaged end costs at most its last bytes."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        kept = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        kept = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """``text/plain; charset=x`` -> its head in lower case and its parameters, RFC 2231 pieces joined."""
    head, semicolon, rest = value.partition(";")
    head = head.strip().lower()
    if not semicolon:
        return head, {}
    params: dict[str, str] = {}
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for found in _PARAM.finditer(";" + rest[:_MAX_PARAMETERS]):
        name = found[1].lower()
        text = _ESCAPE.sub(r"\1", found[2]) if found[2] is not None else found[3].strip()
        if "*" in name and (section := _SECTION.match(name)):
            extended = section[3] is not None or section[2] is None
            sections.setdefault(section[1], []).append((int(section[2] or 0), extended, text))
        else:
            params.setdefault(name, text)
    for name, pieces in sections.items():
        params[name] = _joined(sorted(pieces))
    return head, params


def _joined(pieces: list[tuple[int, bool, str]]) -> str:
    charset: str | None = None
    data = b""
    for number, (_, extended, text) in enumerate(pieces):
        if extended and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if extended else text.encode("utf-8", "replace")
    return decode(data, charset or None)


def addresses(value: str) -> Iterator[str]:
    """Every address in ``value``, in lower case, in order."""
    for found in _ADDRESS.finditer(value):
        yield found[0].strip(".'").lower()


def mailbox(value: str) -> tuple[str, str | None]:
    """Display name and lower-case address of the first mailbox of a From field."""
    value = value[:4096]
    # A name may hold brackets and addresses itself: what counts stands at the end.
    quoted = _QUOTED.match(value)
    bracketed = _BRACKETED.search(value, quoted.end() if quoted else 0)
    opening = bracketed.start() if bracketed else value.find("<")
    if opening >= 0:
        address = next(addresses(value[opening:]), None)
        name = value[:opening].strip()
        if address is not None:
            return _ESCAPE.sub(r"\1", name.strip('"')).strip(), address
    found = _ADDRESS.search(value)
    if found is None:
        return value.strip().strip('"'), None
    comment = value[found.end() :].strip()
    return comment.strip("()").strip(), found[0].strip(".'").lower()


def message_ids(values: tuple[str, ...]) -> tuple[str, ...]:
    """The ids in angle brackets of In-Reply-To or References fields, in order."""
    return tuple(found for value in values for found in _MESSAGE_ID.findall(value))


def date(value: str) -> datetime | None:
    """The moment of a Date field, aware; UTC where the zone is unknown; ``None`` where it is no date."""
    if not value:
        return None
    found = _DATE.match(value)  # as nearly all write it, and many times quicker than the general reader
    if found is not None and (month := _MONTHS.get(found[2])):
        offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
        try:
            return datetime(
                *(int(found[3]), month, int(found[1]), int(found[4]), int(found[5]), int(found[6] or 0)),
                tzinfo=timezone(-offset if found[7] == "-" else offset) if offset else UTC,
            )
        except ValueError:
            return None
    try:
        moment = parsedate_to_datetime(value[:128])
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError, KeyError):
        return None
    return moment
