"""A mail's Markdown made into the Jinja sources of its parts, once per campaign, step and language.

Markdown, layout and premailer together cost milliseconds, so nothing of it happens per message. What comes
out are plain strings: they can be kept in a database, and rendered where premailer is not even installed.

The layout has two kinds of tags: ``[[ ... ]]`` and ``[% ... %]`` are filled here, ``{{ ... }}`` and
``{% ... %}`` stay and are filled for each recipient.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from html import escape

from markupsafe import Markup

from outreach.content import blocks, frame, markup
from outreach.content.catalog import Catalog, Strings, Template
from outreach.content.compiled import Compiled
from outreach.content.folding import fold
from outreach.content.plain import PlainText
from outreach.content.tags import Tags, check, placeholders

_LAYOUT_FILES = ("base.html.j2", "base.css", "base.txt.j2")
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "yi"})
_COLONS = {"fr": "\N{NO-BREAK SPACE}:"}
#: Steps after which an answer is awaited; others offer only the question.
_ASKING_STEPS = frozenset({"invitation", "reminder", "last-call"})
_OUTSIDE_ELEMENTS = re.compile(r"<!--.*?-->|<title>.*?</title>|<style.*?</style>|<[^>]*>", re.DOTALL)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ADDRESSES = {
    "sender.privacy_url": '<a href="{{ sender.privacy_url }}">{{ sender.privacy_url }}</a>',
    "sender.email": '<a href="mailto:{{ sender.email }}">{{ sender.email }}</a>',
}


@dataclass(frozen=True, slots=True)
class Section:
    """The mail in one language, as the layout sees it. A mail in two languages has two."""

    language: str
    direction: str  # ltr or rtl
    html: Markup
    text: str
    answers: tuple[tuple[str, str], ...]  # (label, address) of the answers the body does not offer itself
    why: str
    controller: str
    rights: str
    unsubscribe: str


def compile_template(catalog: Catalog, template: Template, slug: str = "") -> Compiled:
    """The parts of ``template`` in the layout of ``catalog``. ``slug`` is the folder whose words stand around
    it, where that is not its own: a shared mail is sent in a campaign.

    Raises ``InputError`` with file and line for Jinja or Markdown that cannot become a mail, and for a layout
    or a strings file that is missing or wrong.
    """
    strings = catalog.strings(template.language, slug or template.slug)
    html_layout, css, text_layout = (catalog.layout(name) for name in _LAYOUT_FILES)
    _check_sources(template, strings, html_layout, text_layout)
    footer = (strings.why, strings.controller, strings.rights, strings.unsubscribe)
    heading = (template.subject, template.preheader)
    body = frame.expand(catalog, template, strings)
    tags = Tags(body, html_layout, text_layout, css, *footer, *heading)
    # the layout first: so its words are the same for each mail, and it is read once
    hidden_html, hidden_text = tags.hide(html_layout), tags.hide(text_layout)

    plain = PlainText(tags, _COLONS.get(template.language, ":"))
    read = blocks.read(tags.hide(body), tags, template.path)
    offered = _offered_answers(template.step, body, strings)
    section = Section(
        language=template.language,
        direction="rtl" if template.language in _RIGHT_TO_LEFT else "ltr",
        html=Markup(markup.write(read)),  # noqa: S704 - written by us, from Markdown without HTML
        text=plain.write(read).strip("\n"),
        answers=tuple((label, tags.hide(address)) for label, address in offered),
        why=tags.hide(strings.why),
        controller=tags.hide(strings.controller),
        rights=tags.hide(strings.rights),
        unsubscribe=tags.hide(strings.unsubscribe),
    )
    inlined, kept = _split_css(css)
    values: dict[str, object] = {
        "language": section.language,
        "direction": section.direction,
        "subject": tags.hide(template.subject),
        "preheader": tags.hide(template.preheader),
        "sections": (section,),
        "css": Markup(inlined),  # noqa: S704 - the layout's own file
        "kept_css": Markup(kept),  # noqa: S704
        "linked": lambda text: _linked(text, tags),
        "wrap": plain.wrap,
        "brief": plain.brief,
        "colon": plain.colon,
    }
    known = f"; those of a section: {', '.join(Section.__slots__)}"
    html = frame.fill("base.html.j2", hidden_html, values, known)
    text = frame.fill("base.txt.j2", hidden_text, values, known)
    parts = (
        " ".join(template.subject.split()),
        " ".join(template.preheader.split()),
        tags.show(fold(_inline(_statements_as_comments(html, tags)), tags.word)),
        tags.show(text).strip("\n") + "\n",
    )
    return Compiled(
        *parts,
        placeholders=placeholders(*parts),
        digest=hashlib.sha256("\0".join(parts).encode()).hexdigest(),
        language=template.language,
    )


def _check_sources(template: Template, strings: Strings, html_layout: str, text_layout: str) -> None:
    check(template.body, template.path, template.body_line)
    for key, source in (("subject", template.subject), ("preheader", template.preheader)):
        check(source, f"{template.path} ({key})")
    for key in ("why", "controller", "rights", "unsubscribe"):
        check(getattr(strings, key), f"{strings.path} ({key})")
    check(html_layout, "_layout/base.html.j2")
    check(text_layout, "_layout/base.txt.j2")


def _offered_answers(step: str, body: str, strings: Strings) -> list[tuple[str, str]]:
    wanted = ("yes", "no", "question", "other_office") if step in _ASKING_STEPS else ("question",)
    used = placeholders(body)
    return [
        (strings.answers[name].label, f"{{{{ links.{name} }}}}")
        for name in wanted
        if f"links.{name}" not in used
    ]


def _linked(text: str, tags: Tags) -> Markup:
    """``text`` as HTML, with a link where it names an address that is a value."""

    def link(found: re.Match[str]) -> str:
        word = found.group()
        name = tags.source(word)[2:-2].strip()
        address = _ADDRESSES.get(name)
        return tags.hide(address) if address else word

    return Markup(tags.word.sub(link, escape(text, quote=False)))  # noqa: S704 - escaped just here


def _statements_as_comments(html: str, tags: Tags) -> str:
    """Between elements a bare word would be moved or wrapped by an HTML parser; a comment stays in place."""
    parts: list[str] = []
    at = 0
    for found in _OUTSIDE_ELEMENTS.finditer(html):
        parts.append(tags.statement.sub(r"<!--\g<0>-->", html[at : found.start()]))
        parts.append(found.group())
        at = found.end()
    parts.append(tags.statement.sub(r"<!--\g<0>-->", html[at:]))
    return "".join(parts)


def _split_css(css: str) -> tuple[str, str]:
    """The rules to be written into the elements, and the at-rules (media queries) that stay as they are."""
    css = " ".join(_CSS_COMMENT.sub("", css).split())
    inlined: list[str] = []
    kept: list[str] = []
    at = 0
    while (start := css.find("@", at)) >= 0:
        inlined.append(css[at:start])
        depth, end = 0, css.find("{", start)
        while end < len(css):
            depth += (css[end] == "{") - (css[end] == "}")
            end += 1
            if depth == 0:
                break
        kept.append(css[start:end])
        at = end
    inlined.append(css[at:])
    tight = re.sub(r"\s*([{}:;,])\s*", r"\1", " ".join(kept))
    # two braces together would look like the end of a placeholder, to a person and to the check for leftovers
    return "".join(inlined).strip(), tight.replace("}}", "} }")


def _inline(html: str) -> str:
    # premailer pulls in lxml, cssutils and requests: 180 ms that only compiling should cost
    import cssutils  # type: ignore[import-untyped]
    from premailer import Premailer

    # It logs every property it does not know (mso-...), to the standard error output.
    cssutils.log.setLog(_silent_log())
    return str(
        Premailer(
            html,
            allow_network=False,
            keep_style_tags=False,
            remove_classes=False,
            strip_important=False,
            disable_validation=True,
            disable_leftover_css=True,
            include_star_selectors=False,
            cache_css_parsing=True,
            # width and height as attributes would hold percentages and fractions that Outlook misreads
            disable_basic_attributes=["width", "height"],
        ).transform(pretty_print=False)
    )


@cache
def _silent_log() -> object:
    import logging

    log = logging.getLogger("outreach.content.css")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    return log
