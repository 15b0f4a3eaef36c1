"""What the lists of a country look like: languages, code pages, width of its codes (``countries.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from outreach.errors import InputError


@dataclass(frozen=True, slots=True)
class ListHabits:
    """``code_width`` 0: the country's codes have no fixed width, or not one that is surely known."""

    languages: tuple[str, ...]
    code_pages: tuple[str, ...]
    letters: frozenset[str]
    code_width: int
    code_least: int


@cache
def package_table(name: str) -> dict[str, Any]:
    """The TOML file ``name`` that lies beside this module."""
    return tomllib.loads((resources.files(__package__) / name).read_text(encoding="utf-8"))


@cache
def habits(country: str) -> ListHabits:
    """The habits of ``country`` (ISO 3166-1 alpha-2). Raises InputError for one outside the 27."""
    table = package_table("countries.toml")
    if country not in table:
        hint = "Greece is GR. " if country == "EL" else ""
        raise InputError(
            f"{country!r} is not the code of an EU country.", f"{hint}Give one of {', '.join(sorted(table))}."
        )
    entry = table[country]
    code = entry.get("code", {"width": 0, "least": 0})
    letters = entry["letters"]
    return ListHabits(
        languages=tuple(entry["languages"]),
        code_pages=tuple(entry["code_pages"]),
        letters=frozenset(letters + letters.upper()),
        code_width=code["width"],
        code_least=code["least"],
    )
