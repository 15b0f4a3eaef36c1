"""The parts of a mail for one recipient: values put into the sources, cleaned, escaped, none missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import TemplateError, UndefinedError, nodes
from jinja2.visitor import NodeTransformer

from outreach.content.compiled import Compiled
from outreach.content.tags import environment
from outreach.errors import InputError

if TYPE_CHECKING:
    from jinja2 import Template as JinjaTemplate

# Direction overrides, isolates and marks (UAX 9) can make a name read as something else; the others are
# invisible or break lines. A zero-width joiner has no use in the languages we write.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One mail for one recipient."""

    subject: str  # one line, without control characters
    preheader: str
    html: str
    text: str  # lines end with \n


@dataclass(frozen=True, slots=True)
class Pieces:
    """The same in pieces: those in :attr:`Renderer.constants` are the same in every mail."""

    subject: str
    html: tuple[str, ...]
    text: tuple[str, ...]


class Renderer:
    """Personalises one compiled mail. Made once per campaign, step and language; used for every message."""

    def __init__(
        self,
        compiled: Compiled,
        name: str = "",
        *,
        fixed: Mapping[str, object] | None = None,
        around: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    ) -> None:
        """``name`` is what errors call the mail, as "lordimas/invitation.de".

        ``fixed`` are values, nested by name, that every mail will be given again: they become part of the text.
        ``around`` are values, by name, that every mail will be given with its own ``token`` between these parts.
        """
        self._compiled = compiled
        known = _Known(self.cleaned(fixed or {}), around or {})
        self._name = name or f"the mail in {compiled.language}"
        try:
            self._subject = known.template(False, compiled.subject)
            self._preheader = known.template(False, compiled.preheader)
            self._html = known.template(True, compiled.html)
            self._text = known.template(False, compiled.text)
        except TemplateError as error:
            raise InputError(f"{self._name} cannot be read: {error}.", "Compile it again.") from None

    def render(self, values: Mapping[str, object]) -> Rendered:
        """The mail with ``values``, which are nested by name: ``{"municipality": {"name": "Gent"}}``.

        Texts are cleaned of control and direction characters and put on one line; in the HTML they are
        escaped. ``None`` counts as missing. Raises ``InputError`` naming the first placeholder that has no
        value, or the sandbox's objection.
        """
        clean = self.cleaned(values)
        with self._sentences(clean):
            return Rendered(
                subject=" ".join("".join(self._render(self._subject, clean)).split()),
                preheader=" ".join("".join(self._render(self._preheader, clean)).split()),
                html="".join(self._render(self._html, clean)),
                text="".join(self._render(self._text, clean)),
            )

    def pieces(self, clean: dict[str, object]) -> Pieces:
        """The same mail in pieces, of values that :meth:`cleaned` has returned. Raises as :meth:`render`."""
        with self._sentences(clean):
            return Pieces(
                subject=" ".join("".join(self._render(self._subject, clean)).split()),
                html=self._render(self._html, clean),
                text=self._render(self._text, clean),
            )

    @staticmethod
    def cleaned(values: Mapping[str, object]) -> dict[str, object]:
        """``values`` as :meth:`render` cleans them; what is the same in every mail need be cleaned once."""
        return {name: _clean(value) for name, value in values.items() if value is not None}

    @contextmanager
    def _sentences(self, clean: Mapping[str, object]) -> Iterator[None]:
        try:
            yield
        except UndefinedError as error:
            raise self._missing(clean, error) from None
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise InputError(
                f"{self._name} cannot be rendered: {error}.", "Mend the tag that does it in the template."
            ) from None

    @staticmethod
    def _render(template: JinjaTemplate, values: dict[str, object]) -> tuple[str, ...]:
        # what Template.render does before it joins, without copying the values for each part
        return tuple(template.root_render_func(template.new_context(values, shared=True)))

    @property
    def constants(self) -> frozenset[str]:
        """What stands between the tags in the HTML and the text: the very strings that :meth:`pieces` gives
        for it. Conditions and loops choose among them and repeat them."""
        return frozenset(
            constant
            for template in (self._html, self._text)
            # a compiled template is a generator that yields its constants one by one
            for constant in template.root_render_func.__code__.co_consts
            if isinstance(constant, str)
        )

    def _missing(self, values: Mapping[str, object], error: UndefinedError) -> InputError:
        for name in self._compiled.placeholders:
            if not _has(values, name):
                return InputError(
                    f"{self._name} needs {{{{ {name} }}}}, which has no value.",
                    "Give it (contact list, campaign or sender settings), or take it out of the template.",
                )
        return InputError(f"{self._name} uses something that has no value: {error}.", "Mend the template.")


class _Known(NodeTransformer):
    """Puts what is known beforehand into a template. Jinja then joins it with the text around it."""

    def __init__(
        self, fixed: Mapping[str, object], around: Mapping[str, Mapping[str, tuple[str, ...]]]
    ) -> None:
        self._fixed = fixed
        self._around = around
        self._taken: set[str] = set()

    def template(self, html: bool, source: str) -> JinjaTemplate:
        tree = environment(html).parse(source)
        # what a loop calls by the same name is something else
        self._taken = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
        return environment(html).from_string(self.visit(tree))

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802  (Jinja's name for it)
        if isinstance(node.node, nodes.Name) and node.node.name not in self._taken:
            group = self._fixed.get(node.node.name)
            value = group.get(node.attr) if type(group) is dict else None
            if isinstance(value, str):
                return nodes.Const(value, lineno=node.lineno)
        return self.generic_visit(node)

    def visit_Output(self, node: nodes.Output) -> nodes.Node:  # noqa: N802
        parts: list[nodes.Expr] = []
        for child in node.nodes:
            texts = self._texts(child)
            for number, text in enumerate(texts):
                if number:
                    parts.append(nodes.Name("token", "load", lineno=child.lineno))
                if text:
                    parts.append(nodes.Const(text, lineno=child.lineno))
            if not texts:
                parts.append(child)
        node.nodes = parts
        return self.generic_visit(node)

    def _texts(self, node: nodes.Expr) -> tuple[str, ...]:
        if not (isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name)):
            return ()
        if self._taken & {node.node.name, "token"}:
            return ()
        return self._around.get(node.node.name, {}).get(node.attr, ())


def _has(values: Mapping[str, object], name: str) -> bool:
    at: object = values
    for part in name.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return False
        at = at[part]
    return True


def clean_value(text: str) -> str:
    """``text`` on one line, without control, direction and invisible characters."""
    if text.isprintable():  # then a space is the only white space in it, and nothing is invisible
        return text if "  " not in text else " ".join(text.split())
    text = _INVISIBLE.sub("", _LONE_SURROGATE.sub("\ufffd", text))
    return " ".join(part for part in re.split(r"[ \t\n\v\f\r\x85\u2028\u2029]+", text) if part)


def _clean(value: object) -> object:
    if type(value) is dict:
        return {name: _clean(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, str):
        return clean_value(value)
    if isinstance(value, Mapping):
        return {name: _clean(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value
