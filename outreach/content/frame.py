"""The layout's own tags, ``[[ ... ]]`` and ``[% ... %]``: filled once, when a mail is compiled.

A mail may stand for a part of the layout with a line of its own: ``[[ session ]]`` becomes
``_layout/part.session.md``, in the words of the mail's language. So what every mail says alike is said in one
place, and a translator need not see its conditions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache, lru_cache

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2 import Template as JinjaTemplate
from jinja2.sandbox import ImmutableSandboxedEnvironment

from outreach.content.catalog import Catalog, Strings, Template
from outreach.errors import InputError

_PART = re.compile(r"^\[\[ ?([a-z0-9-]+) ?\]\][ \t]*$", re.MULTILINE)


def parts(body: str) -> tuple[str, ...]:
    """The parts of the layout that ``body`` stands for, in their order."""
    return tuple(_PART.findall(body))


def expand(catalog: Catalog, template: Template, strings: Strings) -> str:
    """The body of ``template`` with its parts in place.

    Raises ``InputError``, with the line, for a part that does not exist, and for one that cannot be filled.
    """
    words = {"answers": {name: asdict(answer) for name, answer in strings.answers.items()}}

    def part(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in catalog.parts():
            line = template.body_line + template.body.count("\n", 0, found.start())
            raise InputError(
                f"templates/{template.path}, line {line}: there is no part {name!r}.",
                f"There are: {', '.join(catalog.parts())}. Or write templates/_layout/part.{name}.md.",
            )
        file = f"part.{name}.md"
        return fill(file, catalog.layout(file), {**words, "session": dict(strings.session)}).strip("\n")

    return _with_own_words(_PART.sub(part, template.body), strings)


def _with_own_words(body: str, strings: Strings) -> str:
    """``body`` with the organisation's paragraph for a country above the closing, and its signature below."""
    body = body.rstrip()
    above, _, closing = body.rpartition("\n\n")
    paragraphs = "".join(
        f'{{% if municipality.country == "{country}" %}}\n\n{text.strip()}\n\n{{% endif %}}\n\n'
        for country, text in strings.paragraphs.items()
    )
    if paragraphs:
        body = f"{above}\n\n{paragraphs}{closing}"
    signature = "\\\n".join(line.strip() for line in strings.signature.splitlines() if line.strip())
    return f"{body}\n\n{signature}\n" if signature else f"{body}\n"


@cache
def _environment(html: bool) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@lru_cache(maxsize=32)
def _template(text: str, html: bool) -> JinjaTemplate:
    return _environment(html).from_string(text)


def fill(name: str, layout: str, values: Mapping[str, object], known: str = "") -> str:
    """``layout``, the file ``name`` of the layout, with its own tags filled; those of the recipient are
    hidden and pass through. ``known`` is what an error says there is besides ``values``."""
    try:
        return _template(layout, name.endswith(".html.j2")).render(values)
    except TemplateSyntaxError as error:
        raise InputError(
            f"templates/_layout/{name}, line {error.lineno}: {error.message}.",
            "Mend the tag in [% %] or [[ ]].",
        ) from None
    except (TemplateError, TypeError, ValueError) as error:
        raise InputError(
            f"templates/_layout/{name}: {error}.", f"It can use {', '.join(values)}{known}."
        ) from None
