"""What is sent is what is shown: each mail that comes with the program, as it is previewed and as it goes."""

from __future__ import annotations

import base64
import quopri
from datetime import UTC, datetime
from functools import cache

import pytest

from outreach.campaign import spec
from outreach.campaign.definition import Definition
from outreach.content.compile import compile_template
from outreach.delivery.segments import Encoded
from outreach.jobs.press import Addressing, Plate
from outreach.settings import Sender
from tests.browser.mails import TEMPLATES, catalog, names

TOKEN = "or-73y4lrmlvgxjpm7sguq5nioicq"
THEN = datetime(2026, 3, 1, tzinfo=UTC)
TOWNS = (
    Addressing("Άγιος Νικόλαος & <Δήμος>", "GR", "Κρήτη", "", "info@agios.example", "δήμοι.csv", THEN),
    Addressing("Sankt 'Ort'", "AT", "", 'Ana "A." Ó Sé', "ana@ort.example", "x" * 300, THEN),
)
SENDER = Sender.model_validate(
    {
        "from": "Δίκτυο <netz@bund.example>",
        "controller": "Bund & Co",
        "postal_address": "Platz 1",
        "privacy_url": "https://bund.example/privacy",
        "countries": ["AT"],
        "smtp": {"host": "smtp.bund.example"},
    }
)


def decoded(text: str | Encoded) -> str:
    assert isinstance(text, Encoded), "it has a skeleton"
    match text.encoding:
        case "8bit":
            raw = text.lines[:-2]
        case "quoted-printable":
            raw = quopri.decodestring(text.lines[:-2])
        case _:
            raw = base64.b64decode(text.lines)
    return raw.decode().replace("\r\n", "\n")


@cache
def definitions() -> dict[str, Definition]:
    files = (TEMPLATES.parent / "campaigns").glob("*.toml")
    return {path.stem: spec.load(path.read_text(encoding="utf-8"), file=path.name) for path in files}


def definition_of(slug: str) -> Definition:
    return definitions()["information-session" if slug.startswith("_") else slug]


@pytest.mark.parametrize("language", ["el", "ga"])
@pytest.mark.parametrize(("slug", "step"), names())
def test_what_is_sent_is_what_is_shown(slug: str, step: str, language: str) -> None:
    if language not in catalog().languages(slug, step):
        language = "en"
    plate = Plate(
        compiled=compile_template(catalog(), catalog().template(slug, step, language)),
        strings=catalog().strings(language, slug),
        definition=definition_of(slug),
        sender=SENDER,
        language=language,
    )
    for to in TOWNS:
        shown = plate.render(to, TOKEN)
        for eight_bit in (True, False):
            subject, text, html = plate.encode(to, TOKEN, eight_bit=eight_bit)
            assert (subject, decoded(text), decoded(html)) == (shown.subject, shown.text, shown.html)
            if eight_bit and to is TOWNS[0]:
                assert isinstance(html, Encoded)
                assert html.encoding == "8bit", "its lines are short enough"
