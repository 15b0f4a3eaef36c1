"""The frame that the repository ships: what every mail has, whatever its text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import html as lxml_html

from outreach.content.catalog import ANSWERS as ANSWER_NAMES
from outreach.content.catalog import SESSION_WORDS, Catalog
from outreach.content.compile import compile_template
from outreach.content.names import sample_values
from outreach.content.render import Rendered, Renderer

LAYOUT = Path(__file__).parents[2] / "templates" / "_layout"
ANSWERS = "".join(
    f'[answers.{name}]\nlabel = "{name} label"\nsubject = "s"\nbody = "b"\n' for name in ANSWER_NAMES
) + "".join(["[session]\n", *(f'{word} = "{word}"\n' for word in SESSION_WORDS)])
STRINGS = (
    'language = "svenska"\nwhy = "Från {{ contact.source }}."\nunsubscribe = "Sluta"\nrights = "Rätt."\n'
    'controller = "{{ sender.controller }}, {{ sender.email }}{% if sender.privacy_url %} '
    f'{{{{ sender.privacy_url }}}}{{% endif %}}"\n[greetings]\ndefault = "Hej,"\n{ANSWERS}'
)
BODY = """{{ greeting }}

## Part

- a [link]({{ links.assessment }})

### Smaller

**[Button]({{ links.yes }})**

**[Other]({{ links.no }})**

{{ sender.name }}
"""


def rendered(step: str = "invitation") -> Rendered:
    files = {
        f"_layout/{name}": (LAYOUT / name).read_text() for name in ("base.html.j2", "base.css", "base.txt.j2")
    }
    head = '+++\nsubject = "{{ municipality.name }} & du"\npreheader = "Före"\nrevision = 1\n+++\n'
    files |= {"_layout/strings.sv.toml": STRINGS, f"x/{step}.sv.md": head + BODY}
    catalog = Catalog(files)
    compiled = compile_template(catalog, catalog.template("x", step, "sv"))
    return Renderer(compiled).render(sample_values(catalog.strings("sv")))


@pytest.fixture(scope="module")
def mail() -> Rendered:
    return rendered()


def test_language_and_direction_are_declared(mail: Rendered) -> None:
    tree = lxml_html.document_fromstring(mail.html)
    assert (tree.get("lang"), tree.get("dir")) == ("sv", "ltr")
    assert len(tree.xpath("//*[@class='body'][@lang='sv'][@dir='ltr']")) == 1


def test_headings_descend_one_by_one_from_a_single_h1(mail: Rendered) -> None:
    levels = [
        int(node.tag[1]) for node in lxml_html.document_fromstring(mail.html).xpath("//h1|//h2|//h3|//h4")
    ]
    assert levels == [1, 2, 3]


def test_tables_for_layout_say_so(mail: Rendered) -> None:
    tables = lxml_html.document_fromstring(mail.html).xpath("//table")
    assert tables
    assert all(table.get("role") == "presentation" for table in tables)


def test_nothing_comes_from_elsewhere(mail: Rendered) -> None:
    assert not re.search(r"<(img|link|script|iframe)|src=|url\(|@import|@font-face", mail.html)


def test_dark_mode_and_phones_are_served(mail: Rendered) -> None:
    assert '<meta name="color-scheme" content="light dark">' in mail.html
    assert "@media (prefers-color-scheme:dark){" in mail.html
    assert "@media only screen and (max-width:620px){" in mail.html
    assert "<!--[if mso]>" in mail.html
    assert "mso-padding-alt:0" in mail.html
    assert mail.html.count("mso-font-width:200%") >= 2


def test_the_frame_stands_in_both_parts(mail: Rendered) -> None:
    for part in (mail.html, mail.text):
        for words in ("Från register of municipalities", "Rätt.", "Sluta", "question label", "mailto:"):
            assert words in part
    assert "<title>Sankt Martin &amp; du</title>" in mail.html
    assert "Före" in mail.html
    assert "\n-- \n" in mail.text


def test_addresses_in_the_frame_are_links(mail: Rendered) -> None:
    assert '<a\nhref="https://association.example/privacy"' in mail.html
    assert '<a\nhref="mailto:invitations@association.example"' in mail.html


def test_the_text_has_no_gaps(mail: Rendered) -> None:
    assert "\n\n\n" not in mail.text
    assert mail.text.startswith("Hej,\n\nPart\n====\n\n- a link <https://lordimas.example/start>\n")
    assert "Button:\nmailto:" in mail.text


def test_a_confirmation_offers_the_question_only() -> None:
    mail = rendered("confirmation")
    assert "question label" in mail.html
    assert "other_office label" not in mail.html


def test_a_mail_is_far_below_what_gmail_cuts(mail: Rendered) -> None:
    assert len(mail.html.encode()) < 20_000


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_is_aa_in_both_modes(dark: bool) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for text of this size."""
    css = re.sub(r"/\*.*?\*/", "", (LAYOUT / "base.css").read_text(), flags=re.DOTALL)
    light, _, night = css.partition("@media (prefers-color-scheme: dark)")
    rules: dict[str, dict[str, str]] = {}
    for selectors, properties in re.findall(
        r"([^{}]+)\{([^{}]*)\}", night if dark else light.split("@media")[0]
    ):
        for selector in selectors.split(","):
            own = rules.setdefault(selector.strip().removeprefix(".body "), {})
            own.update(re.findall(r"(?<![\w-])((?:background-)?color):\s*(#[0-9a-f]{6})", properties))
    page, card = rules[".page"]["background-color"], rules[".card"]["background-color"]
    on_card = [".card", ".title", "h2", "h4", "a", "strong", ".rows th", ".answers", "blockquote"]
    on_card = [selector if selector in rules else f".body {selector}" for selector in on_card]
    button, other = rules[".primary-cell"]["background-color"], rules[".secondary-cell"]["background-color"]
    pairs = [(rules[selector]["color"], card) for selector in on_card]
    pairs += [(rules[selector]["color"], page) for selector in (".brand", ".foot", ".foot a")]
    pairs += [(rules[".primary-link"]["color"], button)]
    pairs += [((rules.get(".secondary-link") or rules["a"])["color"], other)]
    for text, ground in pairs:
        low, high = sorted((luminance(text), luminance(ground)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)
