"""The languages a municipality's administration works in, by law (``municipal_languages.toml``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from outreach.contacts.country import package_table
from outreach.contacts.folding import fold


@dataclass(frozen=True, slots=True)
class Spoken:
    """``languages`` are equal and stand in one mail, in this order (ISO 639); in ``also`` nobody writes to the
    administration. ``source`` names the law."""

    languages: tuple[str, ...]
    also: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class _Rule:
    spoken: Spoken
    nuts: tuple[str, ...]
    codes: tuple[str, ...]
    names: frozenset[str]
    within: tuple[str, ...]

    def fits(self, names: Iterable[str], code: str, nuts: str) -> bool:
        if not (self.nuts or self.codes or self.names):
            return True
        if (nuts and nuts.startswith(self.nuts)) or (code and code.startswith(self.codes)):
            return True
        if not self.names or (self.within and not code.startswith(self.within)):
            return False
        return any(fold(name) in self.names for name in names)


@cache
def _rules(country: str) -> tuple[_Rule, ...]:
    return tuple(
        _Rule(
            Spoken(tuple(entry["languages"]), tuple(entry.get("also", ())), entry["source"]),
            tuple(entry.get("nuts", ())),
            tuple(entry.get("codes", ())),
            frozenset(map(fold, entry.get("names", ()))),
            tuple(entry.get("within", ())),
        )
        for entry in package_table("municipal_languages.toml").get(country, ())
    )


def spoken_in(country: str, names: Iterable[str], code: str | None, nuts: str | None) -> Spoken | None:
    """By the first rule that fits; ``None`` where the country has one language, or nothing is known."""
    names = tuple(names)
    for rule in _rules(country):
        if rule.fits(names, code or "", nuts or ""):
            return rule.spoken
    return None
