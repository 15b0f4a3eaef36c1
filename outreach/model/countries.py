"""The 27 Member States: name, languages, time zone. The figures are data: ``countries.toml`` beside this.

The table is read at the first look-up, not at import, so a command that never asks for a country does not
pay for it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Country:
    """One Member State."""

    code: str  # ISO 3166-1 alpha-2, upper case; Greece is GR
    name: str  # in English
    languages: tuple[str, ...]  # ISO 639-1, never empty, in the order mail tries them
    time_zone: str  # IANA name
    municipalities_estimate: int | None = None  # an order of magnitude, never a denominator


@cache
def _table() -> dict[str, Country]:
    text = resources.files("outreach.model").joinpath("countries.toml").read_text(encoding="utf-8")
    return {
        code: Country(
            code=code,
            name=entry["name"],
            languages=tuple(entry["languages"]),
            time_zone=entry["time_zone"],
            municipalities_estimate=entry.get("municipalities"),
        )
        for code, entry in sorted(tomllib.loads(text).items())
    }


class _Countries(Mapping[str, Country]):
    """Reads like a dictionary; the file behind it is opened at the first look-up."""

    def __getitem__(self, code: str) -> Country:
        return _table()[code]

    def __iter__(self) -> Iterator[str]:
        return iter(_table())

    def __len__(self) -> int:
        return len(_table())


#: Code to country, in alphabetical order of the codes. ``KeyError`` for anything but a Member State.
COUNTRIES: Mapping[str, Country] = _Countries()
