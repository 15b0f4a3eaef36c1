"""The HTML of the pages. What a person, a list or a campaign file wrote is escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from outreach.jobs.answer_pages import MOST_NAME, MOST_WORDS, Offer
from outreach.web.words import words

#: Answers that say nothing without words.
ASKS = ("question", "other_office")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("outreach.web", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


@cache
def _css() -> str:
    return files("outreach.web").joinpath("page.css").read_text("utf-8")


def style_source(colour: str) -> str:
    """What a Content-Security-Policy calls the style of a page in the sender's colour."""
    digest = hashlib.sha256(style(colour).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def style(colour: str) -> str:
    """The style sheet; ``colour`` is checked by the settings, as ``#1f4aa8``, or empty."""
    return _css() + (f":root {{ --brand: {colour}; }}\n" if colour else "")


def answer_page(offer: Offer, name: str, *, noted: bool = False, missing: bool = False) -> str:
    """The page that asks to confirm the answer ``name``, or says that it is ``noted``; ``missing``: it came
    without the words it needs."""
    return _template().render(
        language=offer.strings.code,
        title=offer.strings.answers[name].label,
        words=words(offer.strings.code),
        css=style(offer.colour),
        offer=offer,
        name=name,
        noted=noted,
        missing=missing,
        asks=ASKS,
        most_name=MOST_NAME,
        most_words=MOST_WORDS,
    )


def notice(language: str, key: str) -> str:
    """A page that says one thing: ``unknown`` or ``later``."""
    said = words(language)
    return _template().render(language=language, title=said[key], css=style(""), offer=None)
