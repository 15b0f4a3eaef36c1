"""The codes of municipalities as lists write them: with zeros lost, a country before them, a check digit behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from outreach.contacts.country import package_table

_NOT_CODE = re.compile(r"[\W_]+")
_PREFIX = re.compile(r"[A-Z]+")


def forms(code: str, country: str, *, official: bool) -> Iterator[str]:
    """The forms in which a code is found again, the surest first: without what stands around the digits, without
    its country or NUTS part, without lost zeros, and with or without the check digit the country knows.
    """
    plain = _NOT_CODE.sub("", code).upper()
    if not plain:
        return
    rules = package_table("place_kinds.toml").get("codes", {}).get(country, {})
    digits = _PREFIX.sub("", plain) if plain[0].isalpha() else plain
    bare = digits.lstrip("0") or digits
    yield plain
    yield bare
    last = rules.get("last")  # so many digits of the official code are what the short one is
    if official:
        if last and len(plain) > last:
            yield plain[-last:].lstrip("0")
        if rules.get("check_inside") and len(bare) > 2:
            yield f"{bare[:-1]}?"
        return
    if last and len(plain) > last and plain[0].isalpha():
        yield plain[-last:].lstrip("0")
    if rules.get("check_inside"):
        yield f"{bare}?"
    width = rules.get("check_behind")  # the official code, and a check digit more
    if width and len(digits) in (width, width + 1):
        yield digits[:-1].lstrip("0")
    regional = rules.get("regional")  # [length, how many digits in front, how many behind]
    if regional and len(digits) in (regional[0], regional[0] - 1):
        whole = digits.zfill(regional[0])
        yield (whole[: regional[1]] + whole[-regional[2] :]).lstrip("0")
