"""The wordings by which notices of mail systems are known (``notices.toml``), compiled at their first use."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib import resources

#: Lists whose expressions must fit the end of what stands before an address, as whole words.
_AT_END = frozenset({"label"})


@lru_cache(maxsize=1)
def _lists() -> dict[str, list[str]]:
    text = resources.files("outreach.inbound").joinpath("notices.toml").read_text("utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=32)
def mark(name: str) -> re.Pattern[str]:
    """The list ``name`` as one pattern."""
    pattern = "|".join(expression.replace(" ", r"\s") for expression in _lists()[name])
    if name in _AT_END:
        pattern = rf"(?<!\w)(?:{pattern})$"
    return re.compile(pattern, re.IGNORECASE)
