"""The words of the pages, one set a language: ``words.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def _all() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files("outreach.web").joinpath("words.toml").read_text("utf-8"))


def words(language: str) -> Mapping[str, str]:
    """The words of ``language``; English for one we have none in."""
    return _all().get(language) or _all()["en"]
