"""Which municipality a contact belongs to: one key for one municipality, however its name is written."""

from __future__ import annotations

from functools import cache, lru_cache

from outreach.contacts.country import package_table
from outreach.contacts.folding import fold
from outreach.model.values import Place


def place_key(place: Place) -> str:
    """``lau:<code>`` where the list gives a code, else ``name:<folded name>|<folded region or nothing>``.

    Unique inside a country. Folded means without case, accents, punctuation and the words for the kind of
    municipality ("Stadt", "Commune de", "Gmina": ``place_words.toml``).
    """
    if place.code:
        return f"lau:{place.code}"
    return f"name:{folded_name(place.name, place.country)}|{_folded_region(place.region)}"


@lru_cache(maxsize=1024)
def _folded_region(region: str | None) -> str:
    return fold(region) if region else ""


@cache
def _words(country: str) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Words before the name by their first word, and after it by their last; the longest of each first."""
    table = package_table("place_words.toml").get(country, {})
    before: dict[str, tuple[str, ...]] = {}
    after: dict[str, tuple[str, ...]] = {}
    for words in sorted(table.get("before", ()), key=len, reverse=True):
        first = words.partition(" ")[0]
        before[first] = (*before.get(first, ()), words + " ")
    for words in sorted(table.get("after", ()), key=len, reverse=True):
        last = words.rpartition(" ")[2]
        after[last] = (*after.get(last, ()), " " + words)
    return before, after


def folded_name(name: str, country: str) -> str:
    """The name of a municipality of ``country`` without what two spellings of it may differ in."""
    return without_kind(fold(name), country)


def without_kind(folded: str, country: str) -> str:
    """A folded name without the word for the kind of municipality; unchanged where it is nothing else."""
    before, after = _words(country)
    for words in before.get(folded.partition(" ")[0], ()):
        if folded.startswith(words):
            return folded[len(words) :]
    for words in after.get(folded.rpartition(" ")[2], ()):
        if folded.endswith(words):
            return folded[: -len(words)]
    return folded
