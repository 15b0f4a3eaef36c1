"""What a screen reader needs of a mail (WCAG 2.2: 1.1.1, 1.3.1, 2.4.4, 3.1.1), as far as the HTML alone tells it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def faults(html: str) -> tuple[str, ...]:
    """Each as a sentence, once."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return tuple(dict.fromkeys(reader.told()))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._faults: list[str] = []
        self._language: str | None = None
        self._levels: list[int] = []
        self._link: list[str] | None = None
        self._tables: list[bool] = []  # of those that are open: whether it is only for the layout

    def told(self) -> Iterator[str]:
        if not self._language:
            yield "The HTML does not say its language (lang)."
        firsts = self._levels.count(1)
        if firsts != 1:
            yield f"There are {firsts} headings of the first level; there has to be one."
        for before, level in zip((0, *self._levels), self._levels, strict=False):
            if level > before + 1:
                yield f"A heading of level {level} follows one of level {before}."
        yield from self._faults

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self._language = given.get("lang")
        elif tag in _HEADINGS:
            self._levels.append(_HEADINGS[tag])
        elif tag == "img":
            alt = given.get("alt")
            if alt is None:
                self._faults.append("A picture has no words for those who do not see it (alt).")
            elif self._link is not None:
                self._link.append(alt)
        elif tag == "a":
            self._link = [given.get("aria-label") or ""]
        elif tag == "table":
            self._tables.append(given.get("role") in ("presentation", "none"))
        elif tag == "th" and self._tables and self._tables[-1]:
            self._faults.append("A table has headings, though it says that it is only for the layout.")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._link is not None:
            if not "".join(self._link).strip():
                self._faults.append("A link has no words.")
            self._link = None
        elif tag == "table" and self._tables:
            self._tables.pop()

    def handle_data(self, data: str) -> None:
        if self._link is not None:
            self._link.append(data)
