"""A mail ready to be personalised, as the database keeps it between compiling and sending."""

from __future__ import annotations

from dataclasses import dataclass

from outreach.model.values import Picture


@dataclass(frozen=True, slots=True)
class Compiled:
    """Jinja sources of the parts of a mail, to be rendered by :class:`~outreach.content.render.Renderer`."""

    subject: str
    preheader: str
    html: str
    text: str
    placeholders: tuple[str, ...]  # "municipality.name", ... of all parts, in alphabetical order
    digest: str  # SHA-256 of the four sources: the same digest, the same mail
    language: str  # ISO 639-1
    logo: Picture | None = None  # that the HTML shows
