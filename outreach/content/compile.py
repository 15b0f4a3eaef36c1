"""A mail's Markdown made into the Jinja sources of its parts, once per campaign, step and language.

Markdown, layout and premailer together cost milliseconds, so nothing of it happens per message. What comes
out are plain strings: they can be kept in a database, and rendered where premailer is not even installed.

The layout has two kinds of tags: ``[[ ... ]]`` and ``[% ... %]`` are filled here, ``{{ ... }}`` and
``{% ... %}`` stay and are filled for each recipient.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

from markupsafe import Markup

from outreach.content import blocks, colours, frame, markup
from outreach.content.catalog import Catalog, Strings, Template
from outreach.content.compiled import Compiled
from outreach.content.folding import fold
from outreach.content.plain import PlainText
from outreach.content.tags import TAG, Tags, check, placeholders
from outreach.model.values import Picture

_LAYOUT_FILES = ("base.html.j2", "base.css", "base.txt.j2")
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "yi"})
_COLONS = {"fr": "\N{NO-BREAK SPACE}:"}
#: Steps after which an answer is awaited; others offer only the question.
_ASKING_STEPS = frozenset({"invitation", "reminder", "last-call"})
_OUTSIDE_ELEMENTS = re.compile(r"<!--.*?-->|<title>.*?</title>|<style.*?</style>|<[^>]*>", re.DOTALL)
#: Values that differ by language.
_BY_LANGUAGE = re.compile(r"(?<![\w.'\"])(?:greeting|links|session|campaign|contact(?=\.source))\b")
#: How most subjects begin.
_NAME_FIRST = re.compile(r"\{\{\s*municipality\.name\s*\}\}\s*:\s*(?=\S)")
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
    title: str
    html: Markup
    text: str
    answers: tuple[tuple[str, str], ...]  # (label, address) of the answers the body does not offer itself
    why: str
    controller: str
    rights: str
    notice: str  # what else the organisation has to say; may be empty
    unsubscribe: str
    unsubscribe_link: str
    colon: str  # as the language writes it


@dataclass(frozen=True, slots=True)
class _Sources:
    """What the mail in one language is made of, with its tags."""

    template: Template
    strings: Strings
    body: str
    subject: str
    preheader: str
    why: str
    controller: str
    rights: str
    notice: str
    unsubscribe_link: str
    answers: tuple[tuple[str, str], ...]

    def texts(self) -> tuple[str, ...]:
        return (self.body, self.subject, self.preheader, self.why, self.controller, self.rights, self.notice)


def compile_template(
    catalog: Catalog,
    template: Template,
    strings: Strings | None = None,
    *,
    second: tuple[Template, Strings] | None = None,
    colour: str = "",
    logo: Picture | None = None,
) -> Compiled:
    """The parts of ``template`` in the layout of ``catalog``, with ``strings`` around it (left out: those of
    its own folder).

    ``second`` is the same mail in another language, to stand below it: the names of its values that differ by
    language end with _2, as ``links_2.yes``. ``colour`` ("#1f4aa8") takes the place of the layout's accent,
    ``logo`` that of the sender's name above the mail.

    Raises ``InputError`` with file and line for Jinja or Markdown that cannot become a mail, and for a layout
    or a strings file that is missing or wrong.
    """
    html_layout, css, text_layout = (catalog.layout(name) for name in _LAYOUT_FILES)
    check(html_layout, "_layout/base.html.j2")
    check(text_layout, "_layout/base.txt.j2")
    css = colours.accented(css, colour)
    voices = [_sources(template, strings or catalog.strings(template.language, template.slug), catalog)]
    if second is not None:
        voices.append(_sources(*second, catalog, rename=True))
    tags = Tags(html_layout, text_layout, css, *(text for voice in voices for text in voice.texts()))
    # the layout first: so its words are the same for each mail, and it is read once
    hidden_html, hidden_text = tags.hide(html_layout), tags.hide(text_layout)
    plain = PlainText(tags)
    sections = tuple(_section(voice, tags) for voice in voices)
    subject = _subject([" ".join(voice.subject.split()) for voice in voices])
    preheader = " / ".join(" ".join(voice.preheader.split()) for voice in voices if voice.preheader)
    inlined, kept = _split_css(css)
    values: dict[str, object] = {
        "language": sections[0].language,
        "direction": sections[0].direction,
        "subject": tags.hide(subject),
        "preheader": tags.hide(preheader),
        "sections": sections,
        "logo": logo,
        "css": Markup(inlined),  # noqa: S704 - the layout's own file
        "kept_css": Markup(kept),  # noqa: S704
        "linked": lambda text: _linked(text, tags),
        "wrap": plain.wrap,
        "brief": plain.brief,
    }
    known = f"; those of a section: {', '.join(Section.__slots__)}"
    html = frame.fill("base.html.j2", hidden_html, values, known)
    text = frame.fill("base.txt.j2", hidden_text, values, known)
    parts = (
        subject,
        preheader,
        tags.show(fold(_inline(_statements_as_comments(html, tags)), tags.word)),
        tags.show(text).strip("\n") + "\n",
    )
    return Compiled(
        *parts,
        placeholders=placeholders(*parts),
        digest=hashlib.sha256("\0".join(parts).encode()).hexdigest(),
        language="+".join(voice.template.language for voice in voices),
        logo=logo,
    )


def _subject(subjects: Sequence[str]) -> str:
    """Of a mail in two languages both, the municipality's name before the first alone."""
    first, *others = subjects
    if _NAME_FIRST.match(first):
        others = [_NAME_FIRST.sub("", other) for other in others]
    return " / ".join((first, *others))


def _sources(template: Template, strings: Strings, catalog: Catalog, *, rename: bool = False) -> _Sources:
    check(template.body, template.path, template.body_line)
    for key, source in (("subject", template.subject), ("preheader", template.preheader)):
        check(source, f"{template.path} ({key})")
    for key in ("why", "controller", "rights", "signature", "notice"):
        check(getattr(strings, key), f"{strings.path} ({key})")
    for country, paragraph in strings.paragraphs.items():
        check(paragraph, f"{strings.path} (paragraphs.{country})")
    body = frame.expand(catalog, template, strings)
    own = _in_second if rename else str
    return _Sources(
        template=template,
        strings=strings,
        body=own(body),
        subject=own(template.subject),
        preheader=own(template.preheader),
        why=own(strings.why),
        controller=own(strings.controller),
        rights=own(strings.rights),
        notice=own(strings.notice),
        unsubscribe_link=own("{{ links.unsubscribe }}"),
        answers=tuple(
            (label, own(address)) for label, address in _offered_answers(template.step, body, strings)
        ),
    )


def _in_second(text: str) -> str:
    """``text`` with the names of values that differ by language ending with _2."""
    return TAG.sub(lambda tag: _BY_LANGUAGE.sub(r"\g<0>_2", tag.group()), text)


def _section(voice: _Sources, tags: Tags) -> Section:
    language = voice.template.language
    plain = PlainText(tags, _COLONS.get(language, ":"))
    read = blocks.read(tags.hide(voice.body), tags, voice.template.path)
    return Section(
        language=language,
        direction="rtl" if language in _RIGHT_TO_LEFT else "ltr",
        title=tags.hide(" ".join(voice.subject.split())),
        html=Markup(markup.write(read)),  # noqa: S704 - written by us, from Markdown without HTML
        text=plain.write(read).strip("\n"),
        answers=tuple((label, tags.hide(address)) for label, address in voice.answers),
        why=tags.hide(voice.why),
        controller=tags.hide(voice.controller),
        rights=tags.hide(voice.rights),
        notice=tags.hide(voice.notice),
        unsubscribe=voice.strings.unsubscribe,
        unsubscribe_link=tags.hide(voice.unsubscribe_link),
        colon=plain.colon,
    )


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
