"""Jinja tags in an author's text: found, hidden behind plain words, put back.

Markdown, HTML and premailer each rewrite what they take for their own syntax. So a tag is replaced by a word
none of them touches, and put back when they are done: ``{{ ... }}`` by a word of letters and digits, which
stands in text and in links like the value it will become; ``{% ... %}`` by such a word between tildes, which
Markdown takes for punctuation, as it takes the braces.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from outreach.errors import InputError

_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
#: A Jinja tag of any kind.
TAG = re.compile(
    rf"\{{\{{(?:{_QUOTED}|[^\"'}}]|\}}(?!\}}))*\}}\}}"
    rf"|\{{%(?:{_QUOTED}|[^\"'%]|%(?!\}}))*%\}}"
    r"|\{#.*?#\}",
    re.DOTALL,
)
_LEFTOVER = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")

#: A mail is text, not a program; what it may do is choose and repeat.
STATEMENTS = frozenset({"if", "elif", "else", "endif", "for", "endfor"})
_FILTERS = frozenset(
    {"capitalize", "default", "first", "int", "join", "last", "length", "lower", "replace", "round"}
    | {"sort", "title", "trim", "truncate", "unique", "upper", "urlencode"}
)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Values are plain dictionaries; looking there first is quicker than asking for an attribute, and what a
    value is called can never be mistaken for a method of dictionaries."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


@cache
def environment(html: bool) -> ImmutableSandboxedEnvironment:
    """The sandbox mails run in. Values are escaped in HTML and only there; nothing can switch that off."""
    made = _Sandbox(autoescape=html, undefined=StrictUndefined, keep_trailing_newline=True, cache_size=0)
    made.filters = {name: made.filters[name] for name in _FILTERS}
    made.globals.clear()
    return made


class Tags:
    """The hidden tags of one mail. ``taken``: every text that will be joined, so that no word of an author
    can be mistaken for a hidden tag."""

    def __init__(self, *taken: str) -> None:
        stem = "qz"
        while any(re.search(rf"{stem}[es]\d", text) for text in taken):
            stem += "q"
        self._stem = stem
        self._sources: list[str] = []
        self.word = re.compile(rf"{stem}e\d+z|~{stem}s\d+z~")
        self.statement = re.compile(rf"~{stem}s\d+z~")
        self.line_of_statements = re.compile(rf"(?:~{stem}s\d+z~[ \t]*)+")
        self._hidden = re.compile(rf"{stem}e(\d+)z|(?:<!--)?~{stem}s(\d+)z~(?:-->)?")

    def hide(self, text: str) -> str:
        """``text`` with every tag replaced by its word. Whitespace control is dropped (``{%-`` is ``{%``), as
        the layout decides about whitespace. Comments vanish."""
        return TAG.sub(self._hide_one, text)

    def show(self, text: str) -> str:
        """``text`` with every word replaced by its tag again, and the comment around it removed."""
        return self._hidden.sub(lambda found: self._sources[int(found.group(1) or found.group(2))], text)

    def keyword(self, word: str) -> str:
        """What a statement's word stands for: "if", "else", "endfor" ..."""
        found = self._hidden.fullmatch(word)
        assert found is not None, word
        statement = _STATEMENT.match(self._sources[int(found.group(1) or found.group(2))])
        return statement.group(1) if statement else ""

    def source(self, word: str) -> str:
        """The tag a word stands for, as the author wrote it."""
        return self.show(word)

    def _hide_one(self, found: re.Match[str]) -> str:
        tag = found.group()
        if tag.startswith("{#"):
            return ""
        inner = tag[2:-2]
        inner = inner[1:] if inner[:1] in {"-", "+"} else inner
        inner = inner[:-1] if inner[-1:] in {"-", "+"} else inner
        # a tag never breaks over lines, so that none can be cut by wrapping or by a mail server
        self._sources.append(f"{tag[:2]} {' '.join(inner.split())} {tag[-2:]}")
        kind, edge = ("e", "") if tag.startswith("{{") else ("s", "~")
        return f"{edge}{self._stem}{kind}{len(self._sources) - 1}z{edge}"


def check(text: str, path: str, first_line: int = 1) -> None:
    """Raise ``InputError``, with the line, unless ``text`` is Jinja a mail may use."""

    def wrong(offset: int, what: str, remedy: str) -> InputError:
        line = first_line + text.count("\n", 0, offset)
        return InputError(f"templates/{path}, line {line}: {what}.", remedy)

    for tag in TAG.finditer(text):
        statement = _STATEMENT.match(tag.group())
        if tag.group().startswith("{%") and (statement is None or statement.group(1) not in STATEMENTS):
            raise wrong(
                tag.start(),
                f"a mail cannot use {tag.group()}",
                "Only if, elif, else, endif, for and endfor can stand in {% %}.",
            )
    bare = TAG.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
    if found := _LEFTOVER.search(bare):
        raise wrong(
            found.start(),
            f"{found.group()} opens or closes nothing",
            "Write placeholders as {{ name }} and conditions as {% if name %} ... {% endif %}.",
        )
    try:
        tree = _parsed(text)
    except TemplateSyntaxError as error:
        raise InputError(
            f"templates/{path}, line {first_line + error.lineno - 1}: {(error.message or '').rstrip('.')}.",
            "Mend the tag; each {% if %} needs its {% endif %}, each {% for %} its {% endfor %}.",
        ) from None
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        known = environment(False).tests if isinstance(node, nodes.Test) else _FILTERS
        if node.name not in known:
            raise InputError(
                f"templates/{path}, line {first_line + node.lineno - 1}: a mail cannot use {node.name!r}.",
                f"After | there can be: {', '.join(sorted(_FILTERS))}.",
            )


@lru_cache(maxsize=256)
def _parsed(text: str) -> nodes.Template:
    return environment(False).parse(text)


def placeholders(*texts: str) -> tuple[str, ...]:
    """The names the texts take values from, as "municipality.name", in alphabetical order."""
    names: set[str] = set()
    for text in texts:
        tree = _parsed(text)
        # what a loop names is not a value from outside
        loops = {"loop"} | {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
        inner: set[int] = set()  # nodes already counted as the beginning of a longer name
        for node in tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Name)):
            parts: list[str] = []
            at: nodes.Node = node
            while isinstance(at, nodes.Getattr | nodes.Getitem):
                if isinstance(at, nodes.Getattr):
                    parts.append(at.attr)
                elif isinstance(at.arg, nodes.Const) and isinstance(at.arg.value, str):
                    parts.append(at.arg.value)
                else:
                    parts.clear()
                at = at.node
                if isinstance(at, nodes.Getattr | nodes.Getitem | nodes.Name):
                    inner.add(id(at))
            if isinstance(at, nodes.Name) and at.name not in loops and id(node) not in inner:
                names.add(".".join([at.name, *reversed(parts)]))
    return tuple(sorted(names))
