"""DMARC records (RFC 7489), and whether the domain of an authentication is aligned with that of From."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from outreach.doctor.tags import tags_of

_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(;|$)")
POLICIES = ("none", "quarantine", "reject")

#: Names are looked at from the domain upwards, at most so many.
_MOST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Record:
    policy: str  # none, quarantine, reject; "" when the record does not say
    subdomain_policy: str = ""  # of domains below that have no record of their own
    strict_spf: bool = False  # aspf=s: the envelope's domain has to be the very domain of From
    strict_dkim: bool = False
    percent: int = 100
    reports_to: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    domain: str  # at which of the domain and those above it
    texts: tuple[str, ...]  # several: receivers ignore them all (section 6.6.3)


def is_record(text: str) -> bool:
    """Whether a TXT string is a DMARC record of whatever content (section 6.3)."""
    return _VERSION.match(text) is not None


def look_up(domain: str, txt: Callable[[str], Sequence[str]]) -> Found | None:
    """The record of ``domain``, else that of the nearest domain above it.

    RFC 7489 asks the organisational domain alone, which takes the public suffix list; its successor walks up
    the tree, and comes to the same record wherever an organisation has one. The top of the tree is not asked.
    """
    labels = domain.rstrip(".").lower().split(".")
    for start in range(min(len(labels) - 1, _MOST_STEPS)):
        name = ".".join(labels[start:])
        texts = tuple(text for text in txt(f"_dmarc.{name}") if is_record(text))
        if texts:
            return Found(name, texts)
    return None


def parse(text: str) -> Record:
    """``text`` is a record by :func:`is_record`. What is wrong with it is told in ``faults``."""
    tags, faults = tags_of(text)
    if next(iter(tags), "") != "v":
        faults.append("v=DMARC1 does not come first")
    policy = tags.get("p", "").lower()
    if policy not in POLICIES:
        faults.append(f"p={policy} is no policy" if policy else "it has no policy p=")
        policy = ""
    below = tags.get("sp", "").lower()
    if below and below not in POLICIES:
        faults.append(f"sp={below} is no policy")
    for name in ("adkim", "aspf"):
        if tags.get(name, "r").lower() not in ("r", "s"):
            faults.append(f"{name}={tags[name]} is neither r nor s")
    percent = tags.get("pct", "100")
    if not (percent.isascii() and percent.isdigit() and int(percent) <= 100):
        faults.append(f"pct={percent} is no percentage")
        percent = "100"
    reports = tuple(uri.strip() for uri in tags.get("rua", "").split(",") if uri.strip())
    faults += [f"rua={uri} is no mailto: address" for uri in reports if not uri.lower().startswith("mailto:")]
    return Record(
        policy=policy,
        subdomain_policy=below if below in POLICIES else "",
        strict_spf=tags.get("aspf", "").lower() == "s",
        strict_dkim=tags.get("adkim", "").lower() == "s",
        percent=int(percent),
        reports_to=reports,
        faults=tuple(faults),
    )


def aligned(from_domain: str, other: str, organisation: str, *, strict: bool) -> bool:
    """Section 3.1: equal where ``strict``, else both at or below the organisation's domain."""
    one, two, top = (name.rstrip(".").lower() for name in (from_domain, other, organisation))
    if strict or one == two:
        return one == two
    return all(name == top or name.endswith(f".{top}") for name in (one, two))
