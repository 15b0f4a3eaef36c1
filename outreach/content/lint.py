"""Checks of a campaign's mails before anything is sent: what a launch refuses, what a person should know."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from html import unescape

from outreach.content import accessibility, habits
from outreach.content.answers import BRIEF
from outreach.content.catalog import SOURCE_LANGUAGE, Catalog, Template
from outreach.content.compile import compile_template
from outreach.content.compiled import Compiled
from outreach.content.names import NAMES, SESSION_NAMES, sample_values
from outreach.content.render import Rendered, Renderer
from outreach.content.tags import check, placeholders
from outreach.content.translation import has_words
from outreach.errors import InputError

MAX_SUBJECT = 60  # characters; phones show fewer still

#: Gmail shows no more of a mail than this many bytes of HTML, and hides the rest, the opt-out included.
MAX_HTML_BYTES = 102_400

_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_REMOTE = re.compile(
    r"<(?:img|link|script|iframe|video|audio|object|embed)\b|\bsrc\s*=|\burl\(|@import", re.IGNORECASE
)
_PICTURE = re.compile(r"""<img [^>]*?\bsrc="cid:([^"]+)"[^>]*>""")
_MARKS = ("{{", "}}", "{%", "%}")


@unique
class Severity(StrEnum):
    ERROR = "error"  # a launch refuses
    WARNING = "warning"  # a person should mend it
    NOTICE = "notice"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found."""

    severity: Severity
    rule: str  # a stable name, as "missing-translation"
    where: str  # the file, relative to templates/
    message: str
    remedy: str
    contacts: tuple[str, ...] = ()  # the addresses it was found for, where it is not of all


def lint_campaign(
    catalog: Catalog,
    slug: str,
    steps: Sequence[str],
    languages: Sequence[str],
    allowed: Collection[str] = NAMES | SESSION_NAMES,
    samples: Mapping[str, Mapping[str, object]] | None = None,
) -> tuple[Finding, ...]:
    """Everything found in the mails of ``steps`` in ``languages``, in that order.

    ``allowed``: the names of values the campaign has (a campaign without a session passes ``NAMES``).
    ``samples``: values to render with, by language; made-up ones where missing. Never raises for a wrong
    template: that is a finding.
    """
    found: list[Finding] = []
    for language in languages:
        if language != SOURCE_LANGUAGE:
            found.extend(_strings_findings(catalog, slug, language))
    for step in steps:
        for language in languages:
            where = f"{slug}/{step}.{language}.md"
            if language not in catalog.languages(slug, step):
                there = ", ".join(catalog.languages(slug, step)) or "none"
                found.append(
                    Finding(
                        Severity.ERROR,
                        "missing-translation",
                        where,
                        f"There is no mail {slug}/{step} in the language {language!r} (there are: {there}).",
                        f"Write templates/{where}.",
                    )
                )
                continue
            values = (samples or {}).get(language)
            try:
                found.extend(_lint_mail(catalog, slug, step, language, allowed, values))
            except InputError as error:
                found.append(Finding(Severity.ERROR, "template", where, error.message, error.remedy))
    return tuple(found)


def lint_rendered(rendered: Rendered, where: str, languages: int = 1) -> tuple[Finding, ...]:
    """What is wrong with one mail as a recipient would get it, as far as values can make it so. ``languages``: how
    many stand in it.

    Cheap enough for every mail of a launch. Links, remote assets and the like are the same in all mails of a step and
    language, as values are escaped: :func:`lint_markup` looks at one of them.
    """
    return tuple(_value_findings(rendered, where, languages))


def lint_markup(rendered: Rendered, where: str, carried: Collection[str] = ()) -> tuple[Finding, ...]:
    """Links and remote assets in the HTML of one mail. ``carried``: the content ids of pictures that go with it."""
    return tuple(_markup_findings(rendered, where, carried))


def lint_habits(rendered: Rendered, where: str) -> tuple[Finding, ...]:
    """What keeps a mail from being trusted or understood, though it is right. The same in all of a step and
    language."""
    found = [
        Finding(
            Severity.WARNING,
            "accessibility",
            where,
            fault,
            "Mend the layout (templates/_layout) or the mail.",
        )
        for fault in accessibility.faults(rendered.html)
    ]
    found += [
        Finding(
            Severity.WARNING, "spam-habit", where, f"The subject {habit}.", "Begin it with what it is about."
        )
        for habit in habits.of_subject(rendered.subject)
    ]
    found += [
        Finding(Severity.WARNING, "spam-habit", where, habit, remedy)
        for habit, remedy in habits.of_mail(rendered)
    ]
    return tuple(found)


def _lint_mail(
    catalog: Catalog,
    slug: str,
    step: str,
    language: str,
    allowed: Collection[str],
    values: Mapping[str, object] | None,
) -> Iterator[Finding]:
    template = catalog.template(slug, step, language)
    compiled = compile_template(catalog, template)
    yield from _translation_findings(catalog, template)
    unknown = [name for name in compiled.placeholders if not _is_allowed(name, allowed)]
    for name in unknown:
        yield Finding(
            Severity.ERROR,
            "unknown-placeholder",
            template.path,
            f"Nothing has the name {{{{ {name} }}}} in this campaign.",
            f"Mend the name; known are: {', '.join(sorted(allowed))}.",
        )
    yield from _frame_findings(compiled, template.path)
    if unknown:
        return
    if values is None:
        values = sample_values(catalog.strings(language, slug))
    rendered = Renderer(compiled, template.path).render(values)
    yield from _value_findings(rendered, template.path)
    yield from _markup_findings(rendered, template.path)


def _strings_findings(catalog: Catalog, slug: str, language: str) -> Iterator[Finding]:
    """Words around the mails that were copied from the English file and not translated."""
    try:
        own, source = (catalog.strings(each, slug) for each in (language, SOURCE_LANGUAGE))
    except InputError:  # a mail in the language is told to lack them
        return
    if all(getattr(own, key) == getattr(source, key) for key in ("why", "rights", "unsubscribe")):
        yield Finding(
            Severity.ERROR,
            "untranslated",
            own.path,
            f"The words around the mails are not translated into {language!r} yet: they are English.",
            f"Translate templates/{own.path}.",
        )


def _is_allowed(name: str, allowed: Collection[str]) -> bool:
    return name in allowed or any(other.startswith(f"{name}.") for other in allowed)


def _translation_findings(catalog: Catalog, template: Template) -> Iterator[Finding]:
    where = template.path
    if not template.reviewed_by:
        yield Finding(
            Severity.NOTICE,
            "unreviewed",
            where,
            f"Nobody has reviewed the mail in the language {template.language!r} yet.",
            "Have a native speaker read it and put the name into reviewed_by.",
        )
    if template.language == SOURCE_LANGUAGE or SOURCE_LANGUAGE not in catalog.languages(
        template.slug, template.step
    ):
        return
    source = catalog.template(template.slug, template.step, SOURCE_LANGUAGE)
    if template.source_revision != source.revision:
        yield Finding(
            Severity.WARNING,
            "behind-source",
            where,
            f"It follows revision {template.source_revision} of the English mail, "
            f"which is at revision {source.revision}.",
            f"Take over what changed, then set source_revision = {source.revision}.",
        )
    if template.body == source.body and has_words(template.body):
        yield Finding(
            Severity.ERROR,
            "untranslated",
            where,
            f"It is not translated into {template.language!r} yet: it is English.",
            "Translate subject, preheader and text.",
        )
    check(source.body, source.path, source.body_line)
    own, theirs = (set(placeholders(each.subject, each.preheader, each.body)) for each in (template, source))
    for name in sorted(theirs - own):
        yield Finding(
            Severity.ERROR,
            "placeholder-parity",
            where,
            f"It lacks {{{{ {name} }}}}, which the English mail has.",
            "Use it, or take it out of the English mail too.",
        )
    for name in sorted(own - theirs):
        yield Finding(
            Severity.ERROR,
            "placeholder-parity",
            where,
            f"It has {{{{ {name} }}}}, which the English mail lacks.",
            "Take it out, or use it in the English mail too.",
        )


def _frame_findings(compiled: Compiled, where: str) -> Iterator[Finding]:
    for part, source in (("HTML", compiled.html), ("plain text", compiled.text)):
        names = placeholders(source)
        if not {"links.unsubscribe", f"links.unsubscribe{BRIEF}"} & set(names):
            yield Finding(
                Severity.ERROR,
                "opt-out-missing",
                where,
                f"The {part} has no link to say stop.",
                "Put {{ links.unsubscribe }} into the layout (templates/_layout).",
            )
        if "contact.source" not in names:
            yield Finding(
                Severity.ERROR,
                "source-missing",
                where,
                f"The {part} does not say where the address comes from (GDPR, Article 14).",
                "Put {{ contact.source }} into `why` of the strings file.",
            )


def _value_findings(rendered: Rendered, where: str, languages: int = 1) -> Iterator[Finding]:
    if len(rendered.subject) > (most := MAX_SUBJECT * languages):
        yield Finding(
            Severity.WARNING,
            "subject-long",
            where,
            f"The subject has {len(rendered.subject)} characters: {rendered.subject!r}.",
            f"Keep it within {most}, the important words first.",
        )
    if rendered.subject.isupper() or "!!" in rendered.subject:
        yield Finding(
            Severity.WARNING,
            "spam-habit",
            where,
            f"The subject looks like spam to filters: {rendered.subject!r}.",
            "Write it as in a letter: no capitals throughout, one exclamation mark at most.",
        )
    size = len(rendered.html.encode())
    if size > MAX_HTML_BYTES:
        yield Finding(
            Severity.ERROR,
            "html-large",
            where,
            f"The HTML has {size:,} bytes; above {MAX_HTML_BYTES:,} Gmail cuts the mail off.",
            "Shorten the mail.",
        )
    # what stands before the signature's mark; the frame alone is no mail
    if not f"\n{rendered.text}".split("\n-- \n")[0].strip():
        yield Finding(
            Severity.ERROR,
            "text-missing",
            where,
            "The plain text part is empty.",
            "Let templates/_layout/base.txt.j2 write [[ section.text ]].",
        )
    for part, text in (
        ("subject", rendered.subject),
        ("preheader", rendered.preheader),
        ("HTML", rendered.html),
        ("plain text", rendered.text),
    ):
        mark = next((mark for mark in _MARKS if mark in text), None)
        if mark is not None:
            at = text.index(mark)
            context = text[max(0, at - 20) : at + 22].replace("\n", " ")
            yield Finding(
                Severity.ERROR,
                "placeholder-left",
                where,
                f"The {part} still holds {mark} (near {context!r}).",
                "Mend the placeholder, or the value that holds the braces.",
            )


def _markup_findings(rendered: Rendered, where: str, carried: Collection[str] = ()) -> Iterator[Finding]:
    for found in _HREF.finditer(rendered.html):
        address = unescape(found.group(1) or found.group(2) or "")
        if not address or address.startswith("#"):
            yield Finding(
                Severity.ERROR,
                "dead-anchor",
                where,
                f"The link {address!r} leads nowhere: mail programs keep no places within a mail.",
                "Let it lead to a page, or take the link out.",
            )
        elif not address.startswith(("https://", "mailto:")):
            yield Finding(
                Severity.ERROR,
                "link-insecure",
                where,
                f"The link {address!r} is neither https: nor mailto:.",
                "Write the whole address, beginning with https://.",
            )
    loaded = _PICTURE.sub(lambda one: "" if one.group(1) in carried else one.group(), rendered.html)
    if remote := _REMOTE.search(loaded):
        yield Finding(
            Severity.ERROR,
            "remote-asset",
            where,
            f"The HTML loads something from elsewhere ({remote.group()!r}).",
            "Take it out: mails carry all they need, and nothing tells who opened them.",
        )
