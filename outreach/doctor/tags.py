"""The list of tags that DKIM and DMARC records are written in (RFC 6376, section 3.2)."""

from __future__ import annotations


def tags_of(text: str) -> tuple[dict[str, str], list[str]]:
    """``name=value; name=value``: values by name in lower case, and what is wrong."""
    tags: dict[str, str] = {}
    faults: list[str] = []
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals:
            faults.append(f"{part.strip()!r} is no tag: it has no =")
        elif name in tags:
            faults.append(f"{name}= stands twice")
        else:
            tags[name] = value.strip()
    return tags, faults
