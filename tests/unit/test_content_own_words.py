"""What an organisation words and colours otherwise, and two languages in one mail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from outreach.content import colours
from outreach.content.catalog import Catalog, Strings
from outreach.content.compile import compile_template
from outreach.content.names import sample_values
from outreach.content.render import Rendered, Renderer

TEMPLATES = Path(__file__).parents[2] / "templates"
FILES = {
    path.relative_to(TEMPLATES).as_posix(): path.read_text(encoding="utf-8")
    for path in TEMPLATES.rglob("*")
    if path.suffix in (".md", ".toml", ".j2", ".css")
}
OWN = """signature = '''
Digital team
Phone 123
'''
notice = "Registered under no. 7; {{ sender.email }}."
[paragraphs]
AT = "In **Austria** we also help by phone."
FR = "En France."
"""


def rendered(files: dict[str, str], country: str = "AT", colour: str = "", sender: str = "") -> Rendered:
    catalog = Catalog({**FILES, **files})
    strings = catalog.strings("en", "helpdesk", sender)
    compiled = compile_template(
        catalog, catalog.template("helpdesk", "invitation", "en"), strings, colour=colour
    )
    return Renderer(compiled).render(sample_values(strings, country))


def test_signature_notice_and_the_paragraph_of_the_country_stand_where_they_belong() -> None:
    mail = rendered({"_own/strings.en.toml": OWN})
    assert (
        "In Austria we also help by phone.\n\nKind regards,\nAssociation of Municipalities\n\n"
        "Digital team\nPhone 123\n" in mail.text
    )
    assert "En France" not in mail.text + mail.html
    assert "<strong" in mail.html[: mail.html.index("we also help by phone")]
    assert re.search(r"Registered under no\. 7; <a\s+href=\"mailto:", mail.html)
    assert (
        mail.text.index("You may object")
        < mail.text.index("Registered under no. 7")
        < mail.text.index("No more")
    )
    other = rendered({"_own/strings.en.toml": OWN}, country="IE")
    assert "Austria" not in other.text
    assert "\n\n\n" not in other.text


def test_a_sender_has_words_of_its_own() -> None:
    files = {"_own/strings.en.toml": OWN, "_own/oasc/strings.en.toml": 'signature = "OASC"'}
    assert "\n\nOASC\n" in rendered(files, sender="oasc").text
    assert "Registered under no. 7" in rendered(files, sender="oasc").text
    assert "Phone 123" in rendered(files, sender="other").text


@pytest.mark.parametrize("colour", ["#005a2b", "#8a1538", "#000000", "#1F4AA8"])
def test_a_colour_takes_the_place_of_the_accent_and_can_be_read_by_day_and_night(colour: str) -> None:
    mail = rendered({}, colour=colour)
    assert colours.is_readable(colour)
    night = colours.at_night(colour)
    assert colour.lower() in mail.html
    assert night in mail.html
    assert colours.contrast(night, "#1e2229") >= colours.ENOUGH
    assert colours.contrast(night, "#10182a") >= colours.ENOUGH
    if colour.lower() != colours.ACCENT:
        assert colours.ACCENT not in mail.html
    assert not any(dark in mail.html for dark in colours.DARK_ACCENTS)


def test_contrast_is_that_of_the_standard() -> None:
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert not colours.is_readable("#ffcc00")


def pair(first: str, second: str, slug: str = "information-session") -> tuple[Rendered, Strings, Strings]:
    catalog = Catalog(FILES)
    one, two = (catalog.strings(each, slug) for each in (first, second))
    compiled = compile_template(
        catalog,
        catalog.template(slug, "invitation", first),
        one,
        second=(catalog.template(slug, "invitation", second), two),
    )
    assert compiled.language == f"{first}+{second}"
    values = sample_values(one, "BE")
    below: dict[str, Any] = sample_values(two, "BE")
    values |= {f"{name}_2": below[name] for name in ("greeting", "links", "session", "campaign")}
    values["contact_2"] = {"source": below["contact"]["source"]}
    return Renderer(compiled).render(values), one, two


def test_a_mail_in_two_languages_says_each_thing_in_both() -> None:
    mail, dutch, french = pair("nl", "fr")
    # the municipality's name once: phones show no more than some forty letters
    assert mail.subject == (
        "Sankt Martin: uitnodiging informatiebijeenkomst / invitation à une séance d'information"
    )
    tree = lxml_html.document_fromstring(mail.html)
    assert tree.get("lang") == "nl"
    assert [each.get("lang") for each in tree.xpath("//*[starts-with(@class, 'body')]")] == ["nl", "fr"]
    assert [node.tag for node in tree.xpath("//*[@class='title']")] == ["h1", "h2"]
    above, below = mail.text.split("\n* * *\n")
    for text, strings, date in (
        (above, dutch, "donderdag 12 maart 2026"),
        (below, french, "jeudi 12 mars 2026"),
    ):
        assert strings.greeting("BE") in text
        assert date in text
        assert f"{strings.answers['in_person'].label}" in text
    assert "jeudi" not in above
    for strings in (dutch, french):
        assert strings.unsubscribe in mail.text
        assert strings.rights[:40] in " ".join(mail.text.split())
    subjects = [link.get("href") for link in tree.xpath("//a[starts-with(@href, 'mailto:')]")]
    assert sum("Ja%2C%20wij%20komen" in one for one in subjects) == 1
    assert sum("Oui%2C%20nous%20venons" in one for one in subjects) == 1
    assert "links_2" not in mail.html + mail.text
