"""The region a municipality lies in, for its holidays and its time zone (``regions.toml``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from outreach.contacts.country import package_table
from outreach.contacts.folding import fold

_ISO = re.compile(r"([A-Z]{2})-[A-Z0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Region:
    """``time_zone`` ``None``: the country's."""

    code: str  # ISO 3166-2
    time_zone: str | None = None


@cache
def _of(country: str) -> tuple[dict[str, Region], list[tuple[str, Region]], list[tuple[str, Region]]]:
    """By folded name; and beginnings of NUTS codes and of municipality codes, the longest first."""
    by_name: dict[str, Region] = {}
    nuts: list[tuple[str, Region]] = []
    codes: list[tuple[str, Region]] = []
    for short, entry in package_table("regions.toml").get(country, {}).items():
        region = Region(f"{country}-{short}", entry.get("zone"))
        by_name[region.code] = region
        by_name.update((fold(name), region) for name in entry["names"])
        nuts += [(beginning, region) for beginning in entry["nuts"]]
        codes += [(beginning, region) for beginning in entry.get("codes", ())]
    for beginnings in (nuts, codes):
        beginnings.sort(key=lambda one: -len(one[0]))
    return by_name, nuts, codes


@lru_cache(maxsize=4096)
def region_named(country: str, text: str) -> Region | None:
    """A region by its name in a language of the country, its ISO 3166-2 code or a NUTS code in it."""
    by_name, nuts, _ = _of(country)
    found = by_name.get(text.strip().upper()) or by_name.get(fold(text))
    if found is None and text[:2] in (country, eurostat_code(country)):
        found = next((region for beginning, region in nuts if text.startswith(beginning)), None)
    return found


def region_of(country: str, nuts: str | None, code: str | None) -> Region | None:
    """Where a municipality lies, by its NUTS code, else by its own."""
    _, by_nuts, by_code = _of(country)
    for given, beginnings in ((nuts, by_nuts), (code, by_code)):
        for beginning, region in beginnings if given else ():
            if given and given.startswith(beginning):
                return region
    return None


def eurostat_code(country: str) -> str:
    """Eurostat writes EL for Greece."""
    return "EL" if country == "GR" else country
