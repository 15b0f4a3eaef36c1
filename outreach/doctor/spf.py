"""SPF records (RFC 7208): read, and walked as a receiver would walk them for a server that none of them names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

#: A receiver gives up after so many terms that ask the DNS (section 4.6.4) ...
MOST_LOOKUPS = 10
#: ... or so many that find nothing there.
MOST_VOID_LOOKUPS = 2

_MECHANISM = re.compile(
    r"(?P<qualifier>[+\-?~]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)"
    r"(?::(?P<value>[^/\s]+(?:/(?!\d)[^/\s]*)*))?(?P<length>/\d{1,3})?(?P<length6>//\d{1,3})?",
    re.IGNORECASE,
)
_ADDRESSES = re.compile(r"(?P<qualifier>[+\-?~]?)(?P<name>ip[46]):(?P<value>\S+)", re.IGNORECASE)
_MODIFIER = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>\S*)", re.IGNORECASE)
_ASKING = frozenset({"include", "a", "mx", "ptr", "exists"})


class Names(Protocol):
    """What the DNS says. Nothing there is an empty answer."""

    def txt(self, name: str) -> Sequence[str]: ...
    def mx(self, name: str) -> Sequence[str]: ...
    def addresses(self, name: str) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Term:
    qualifier: str  # + - ? ~
    name: str  # of the mechanism, in lower case
    value: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    terms: tuple[Term, ...]
    redirect: str | None = None
    faults: tuple[str, ...] = ()  # each makes receivers ignore the whole record (section 4.6)

    @property
    def all_(self) -> str | None:
        """The qualifier of ``all``: what is said of servers that are not named."""
        return next((term.qualifier for term in self.terms if term.name == "all"), None)


@dataclass(slots=True)
class Walk:
    """What became of a record with all it includes."""

    lookups: int = 0
    void_lookups: int = 0
    all_: str | None = None  # of the record, or of the one it redirects to
    includes: list[str] = field(default_factory=list)  # every domain included or redirected to, in order
    faults: list[str] = field(default_factory=list)
    uses_ptr: bool = False


def is_record(text: str) -> bool:
    """Whether a TXT string is an SPF record of whatever content (section 4.5)."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def parse(text: str) -> Record:
    """``text`` is a record by :func:`is_record`. What is wrong with it is told in ``faults``."""
    terms: list[Term] = []
    faults: list[str] = []
    modifiers: dict[str, str] = {}
    for word in text.split()[1:]:
        if addresses := _ADDRESSES.fullmatch(word):
            fault = _address_fault(addresses["name"].lower(), addresses["value"])
            if fault:
                faults.append(f"{word}: {fault}")
            else:
                terms.append(
                    Term(addresses["qualifier"] or "+", addresses["name"].lower(), addresses["value"])
                )
        elif mechanism := _MECHANISM.fullmatch(word):
            name, value = mechanism["name"].lower(), (mechanism["value"] or "").rstrip(".").lower()
            lengths = mechanism["length"] or mechanism["length6"]
            if name in ("include", "exists", "ip4", "ip6") and not value:
                faults.append(f"{word}: {name} needs a value after a colon")
            elif (name == "all" and value) or (lengths and name not in ("a", "mx")):
                faults.append(f"{word}: {name} takes no such value")
            else:
                terms.append(Term(mechanism["qualifier"] or "+", name, value))
        elif modifier := _MODIFIER.fullmatch(word):
            name = modifier["name"].lower()
            if name in ("redirect", "exp") and name in modifiers:
                faults.append(f"{word}: {name} stands twice")
            modifiers[name] = modifier["value"].rstrip(".").lower()
        else:
            faults.append(f"{word}: no such mechanism")
    redirect = modifiers.get("redirect")
    if redirect == "":
        faults.append("redirect= names no domain")
    return Record(tuple(terms), redirect or None, tuple(faults))


def walk(domain: str, record: Record, names: Names) -> Walk:
    """Count what a receiver has to ask. ``names`` may raise; what it raises goes through."""
    found = Walk()
    _walk(domain, record, names, found, (domain,))
    if found.lookups > MOST_LOOKUPS:
        found.faults.append(f"{found.lookups} terms ask the DNS, and receivers stop at {MOST_LOOKUPS}")
    if found.void_lookups > MOST_VOID_LOOKUPS:
        found.faults.append(
            f"{found.void_lookups} terms find nothing in the DNS, and receivers stop at {MOST_VOID_LOOKUPS}"
        )
    return found


def _walk(domain: str, record: Record, names: Names, found: Walk, above: tuple[str, ...]) -> None:
    found.faults += [f"in the record of {domain}: {fault}" for fault in record.faults]
    for term in record.terms:
        if term.name == "all":
            break  # what follows is never reached (section 5.1)
        if found.lookups > 3 * MOST_LOOKUPS:
            return
        found.uses_ptr = found.uses_ptr or term.name == "ptr"
        found.lookups += term.name in _ASKING
        target = term.value or domain
        if "%" in target:
            continue  # a macro (section 7): known only when mail comes
        if term.name == "include":
            _included(target, names, found, above)
        elif term.name in ("a", "exists"):
            found.void_lookups += not names.addresses(target)
        elif term.name == "mx":
            exchanges = names.mx(target)
            found.void_lookups += not exchanges
            if len(exchanges) > MOST_LOOKUPS:
                found.faults.append(f"mx:{target} has {len(exchanges)} servers, and receivers stop at 10")
    all_ = record.all_
    if all_ is None and record.redirect and "%" not in record.redirect:
        found.lookups += 1
        all_ = _included(record.redirect, names, found, above)
    if len(above) == 1:
        found.all_ = all_


def _included(target: str, names: Names, found: Walk, above: tuple[str, ...]) -> str | None:
    """Walk the record of ``target``; the qualifier of its ``all``."""
    found.includes.append(target)
    if target in above:
        found.faults.append(f"{' includes '.join((*above, target))}: a circle")
        return None
    records = [text for text in names.txt(target) if is_record(text)]
    if len(records) != 1:
        has = f"{len(records)} SPF records" if records else "no SPF record"
        found.faults.append(f"{target}, which is included, has {has}")
        return None
    record = parse(records[0])
    _walk(target, record, names, found, (*above, target))
    return record.all_


def _address_fault(name: str, value: str) -> str | None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "no address, nor a range of them"
    return None if network.version == int(name[-1]) else f"no IPv{name[-1]} address"
