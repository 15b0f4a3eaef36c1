"""The figures of `outreach report --json`, one line a campaign, country and step."""

from __future__ import annotations

import json
from typing import Any


def lines(text: str) -> list[dict[str, Any]]:
    """``campaign``, ``country`` (``None``: all), ``step`` (``None``: the whole), ``invited``, and each rate with
    ``numerator`` and ``denominator``: of each campaign its countries, each whole and then by step, then all of them."""
    made = json.loads(text)
    found: list[dict[str, Any]] = []
    for section in made["sections"]:
        slug = section["campaign"]
        if slug is None:
            continue
        if section["cut"] == "country":
            found += [_line(slug, line["key"], None, line) for line in section["lines"]]
            found.append(_line(slug, None, None, section["total"]))
        elif section["cut"] == "step":
            found += [_line(slug, section["country"], line["key"], line) for line in section["lines"]]
    order = {slug: number for number, slug in enumerate(dict.fromkeys(line["campaign"] for line in found))}
    return sorted(
        found,
        key=lambda line: (
            order[line["campaign"]],
            line["country"] is None,
            line["country"],
            line["step"] is not None,
        ),
    )


def _line(slug: str, country: str | None, step: str | None, counts: dict[str, Any]) -> dict[str, Any]:
    return {
        "campaign": slug,
        "country": country,
        "step": step,
        **counts["rates"],
        "invited": counts["invited"],
    }
