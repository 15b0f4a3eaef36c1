"""E-mail addresses in the cells of a list: found, cleaned, checked.

What counts as valid is what email-validator says with its deliverability check off (RFC 5321, 5322, 6531;
``.test`` is allowed). Plain addresses, nearly all, are decided by two patterns that accept a subset of that;
only the others are handed to the library, which takes ten times longer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from html import unescape

from outreach.contacts.country import package_table
from outreach.contacts.folding import INVISIBLE

# The addresses that need no second look: common signs in the local part, labels of RFC 1123 with single
# hyphens (two could be Punycode, RFC 5890), a last label of letters.
_PLAIN = re.compile(
    r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@((?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+([A-Za-z]{2,}))", re.ASCII
)
_SPECIAL_USE = frozenset({"arpa", "invalid", "local", "localhost"})

_QUOTES = {ord(c): '"' for c in "“”„‟«»″"} | {ord(c): "'" for c in "‘’‚‛′´`"}
_FULL_WIDTH = {0xFF01 + i: chr(0x21 + i) for i in range(94)} | {0x3000: " ", 0x3002: ".", 0xFE6B: "@"}
_HYPHENS = {0x2010: "-", 0x2011: "-"}
_CLEAN = _QUOTES | _FULL_WIDTH | _HYPHENS

_ENTITY = re.compile(
    r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|commat|period|amp|lt|gt|nbsp|quot|apos|shy|hyphen|dash);"
)
_MARKUP = re.compile(r"</?[a-zA-Z][^<>@]*>")
_IMAGE = re.compile(r"(?<=\w)\s*<img\b[^<>]*>\s*(?=\w)", re.IGNORECASE)
_MAIL_LINK = re.compile(r"<a\b[^<>]*?href=[\"']?mailto:[^<>]*>", re.IGNORECASE)


@cache
def _signs() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """ "@" and "." as words in brackets, and an address with both as bare words (``address_signs.toml``)."""
    table = package_table("address_signs.toml")
    at, dot = (
        "|".join(
            sorted({re.escape(w) for words in table[sign].values() for w in words}, key=len, reverse=True)
        )
        for sign in ("at", "dot")
    )
    bare_at, bare_dot = (
        "|".join(
            sorted(
                {re.escape(w) for words in table[sign].values() for w in words if len(w) > 1},
                key=len,
                reverse=True,
            )
        )
        for sign in ("at", "dot")
    )
    return (
        re.compile(rf"\s*(?:[(\[{{<]\s*(?:{at})\s*[)\]}}>]|_at_|-at-|%40)\s*", re.IGNORECASE),
        re.compile(rf"\s*[(\[{{<]\s*(?:{dot})\s*[)\]}}>]\s*", re.IGNORECASE),
        re.compile(
            rf"(?<![\w.@-])([\w+-]+(?:(?:\.| (?:{bare_dot}) )[\w+-]+)*) (?:{bare_at}) "
            rf"([\w-]+(?:(?:\.| (?:{bare_dot}) )[\w-]+)* (?:{bare_dot}) [a-z]{{2,24}})(?![\w@-])",
            re.IGNORECASE,
        ),
    )


def _written_out(match: re.Match[str]) -> str:
    """ "info at town dot example" -> the address."""
    dot = _signs()[1]
    local, host = (dot.sub(".", re.sub(r" (\S+) ", r"(\1)", part)) for part in match.groups())
    return f"{local}@{host}"


_SPACED_AT = re.compile(r"\s*@\s*")
_ASIDE = re.compile(r"\([^()@]*\)|\[[^\[\]@]*\]")
_URL = re.compile(r"(?:https?:/|www\.)", re.IGNORECASE)
_HOST = re.compile(r"(?:[\w-]+\.)+[a-z]{2,24}(?:[:/?#]\S*)?", re.IGNORECASE)
_PHONE = re.compile(
    r"(?:[^\W\d]{1,8}\.?:?\s*)?[+(]?[\d\s()/.–-]{6,}(?:\s*(?:ext|dw|int)\.?\s*\d+)?", re.IGNORECASE
)
_LABEL = re.compile(r"[^\W\d_][\w.\- ]*:")
_SPLIT = re.compile(r"[;,/|]+")
_EDGES = "<>()[]{}\"'.,;:|/\\*•·"


@dataclass(frozen=True, slots=True)
class Found:
    """What a cell holds: ``valid`` addresses as they are written to (the domain in lower case ASCII), and
    pieces that were meant as addresses and are ``invalid``. ``name`` is that of "Name <address>"."""

    valid: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    name: str | None = None


def plain(cell: str) -> str | None:
    """The address, where the cell is nothing but a plain one; None says that :func:`find` has to look."""
    match = _PLAIN.fullmatch(cell)
    # No longer than a label may be (RFC 1035), so no part of it is too long.
    if match is None or len(cell) > 63:
        return None
    local, domain, last = match.groups()
    lower = domain.lower()
    if last.lower() in _SPECIAL_USE:
        return None
    return cell if lower == domain else f"{local}@{lower}"


def checked(text: str) -> str | None:
    """``text`` as an address that can be written to, or None when it is not a valid one."""
    found = plain(text)
    if found is not None:
        return found
    # Not a syntax that anybody uses with us, and the library warns about none of it.
    if len(text) > 320 or text.count("@") != 1 or "." not in text.rpartition("@")[2]:
        return None
    from email_validator import EmailNotValidError, validate_email

    try:
        valid = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return None
    return f"{valid.local_part}@{valid.ascii_domain}"


def find(cell: str) -> Found:
    """Every address in ``cell``: several with any of ``; , /`` or words between them, "Name <address>",
    "info (at) place.example", ``mailto:``, quotes, brackets, invisible and full-width characters.

    Nothing is guessed: of "first,last@place.example" or "a b.@place.example" no half is taken for an address.
    """
    text = INVISIBLE.sub("", cell.translate(_CLEAN)) if not cell.isascii() else cell
    if text[:1] in "[{" and '"' in text:
        text = _unpacked(text)
    if "&" in text:
        text = _ENTITY.sub(lambda match: unescape(match[0]), text)
        text = INVISIBLE.sub("", text.replace("\u00a0", " "))
    if "<" in text:
        text = _IMAGE.sub("@", text)
        text = _MARKUP.sub(" ", text) if "@" in _MARKUP.sub(" ", text) else _MAIL_LINK.sub(_target, text)
    at, dot, bare = _signs()
    text = dot.sub(".", at.sub("@", text))
    if " " in text:
        text = bare.sub(_written_out, text)
    if "@" not in text:
        return Found()
    text = _ASIDE.sub(" ", _SPACED_AT.sub("@", text.replace("<", " <").replace(">", "> ")))
    valid: dict[str, str] = {}
    invalid: list[str] = []
    before = ""
    for word in text.split():
        for piece in _pieces(word):
            if "@" not in piece:
                continue
            address = None if _torn(before) else checked(_bare(piece))
            if address is not None:
                valid.setdefault(address.casefold(), address)
            elif not _URL.match(piece.lstrip(_EDGES)):
                invalid.append(f"{before} {piece}" if _torn(before) else piece)
        before = word
    return Found(tuple(valid.values()), tuple(invalid), _name_before(text) if len(valid) == 1 else None)


def _target(match: re.Match[str]) -> str:
    """What a link to a mail address writes to."""
    return (
        " " + match[0].lower().partition("mailto:")[2].partition(">")[0].partition("?")[0].strip("\"' ") + " "
    )


def _unpacked(text: str) -> str:
    """The texts of a cell that holds JSON, as in France's directory of public services."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    texts: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, str):
            texts.append(one)
        elif isinstance(one, list | dict):
            waiting[:0] = one.values() if isinstance(one, dict) else one
    return "\n".join(texts)


def is_certified(address: str) -> bool:
    """Is it a box, such as one of Italy's PEC, that takes certified mail only (``certified_mail.toml``)?"""
    domain = address.rpartition("@")[2]
    return _certified_domain(domain)


@lru_cache(maxsize=4096)
def _certified_domain(domain: str) -> bool:
    table = package_table("certified_mail.toml")
    return not set(domain.split(".")[:-1]).isdisjoint(table["labels"]) or any(
        domain == one or domain.endswith(f".{one}") for one in table["domains"]
    )


def _pieces(word: str) -> list[str]:
    """The addresses of a word like ``a@b.example;c@d.example``; the word itself where one part is none."""
    if word.lower().lstrip(_EDGES).startswith("mailto:"):
        word = word.partition("?")[0]
    if _URL.match(word.lstrip(_EDGES)):
        return [word]
    parts = [part for part in _SPLIT.split(word.rstrip(_EDGES)) if part.strip(_EDGES)]
    return parts if all("@" in part for part in parts) else [word]


def _bare(piece: str) -> str:
    """Without the brackets, quotes, trailing dots and label ("E-Mail:") around it."""
    local, _, domain = piece.partition("@")
    if _LABEL.match(local):
        local = local.rpartition(":")[2]
    # A dot in front belongs to a broken address; the other signs only stand around one.
    return f"{local.lstrip('<>()[]{},;|*•·' + chr(34) + chr(39))}@{domain.rstrip(_EDGES)}"


def _torn(before: str) -> bool:
    """Does the word before an address look like its first half? "jan. jansen@..." or "jan_ jansen@..."."""
    return len(before) > 1 and before[-1] in "._-" and before[0].islower() and before[:-1].isalnum()


def _name_before(text: str) -> str | None:
    match = re.match(r"\s*[\"']?([^\"'<>@;,:/]{3,80}?)[\"']?\s*<[^<>]*@", text)
    name = " ".join(match[1].split()) if match else ""
    return name if any(map(str.isalpha, name)) else None


def is_address(cell: str) -> bool:
    """Is the whole cell one plain address?"""
    return plain(cell.strip()) is not None


def has_address(cell: str) -> bool:
    """Does the cell hold at least one valid address?"""
    return plain(cell.strip()) is not None or (_may_hold(cell) and bool(find(cell).valid))


def _may_hold(cell: str) -> bool:
    return len(cell) < 4000 and any(sign in cell for sign in "@＠﹫([{&%_- <")


def is_website(cell: str) -> bool:
    """Is the cell the address of a web page, with or without its ``https://``?"""
    text = cell.strip().strip(_EDGES)
    return "@" not in text.partition("/")[0] and bool(_URL.match(text) or _HOST.fullmatch(text))


def is_phone(cell: str) -> bool:
    """Is the cell a telephone number?"""
    return _PHONE.fullmatch(cell.strip()) is not None
