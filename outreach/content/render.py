"""The parts of a mail for one recipient: values put into the sources, cleaned, escaped, none missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, UndefinedError, nodes
from jinja2.visitor import NodeTransformer

from outreach.content.compiled import Compiled
from outreach.content.skeleton import NoSkeletonError, Skeleton, Uses, can_stand, cut, stand_in
from outreach.content.tags import environment
from outreach.errors import InputError

if TYPE_CHECKING:
    from jinja2 import Template as JinjaTemplate

# Direction overrides, isolates and marks (UAX 9) can make a name read as something else; the others are
# invisible, no characters at all, or break lines. A zero-width joiner has no use in the languages we write.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb]"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One mail for one recipient."""

    subject: str  # one line, without control characters
    preheader: str
    html: str
    text: str  # lines end with \n


class Renderer:
    """Personalises one compiled mail. Made once per campaign, step and language; used for every message."""

    def __init__(
        self,
        compiled: Compiled,
        name: str = "",
        *,
        fixed: Mapping[str, object] | None = None,
        around: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
        own: Sequence[str] = (),
    ) -> None:
        """``name`` is what errors call the mail, as "lordimas/invitation.de".

        ``fixed`` are values, nested by name, that every mail will be given again: they become part of the text.
        ``around`` are values, by name, that every mail will be given with its own ``token`` between these parts.
        ``own`` are the dotted names of the values that differ from mail to mail, ``token`` among them: those
        :meth:`skeleton` takes, in that order.
        """
        self._compiled = compiled
        self._fixed = self.cleaned(fixed or {})
        known = _Known(self._fixed, around or {})
        self._name = name or f"the mail in {compiled.language}"
        trees = {}
        try:
            for part, html in (("subject", False), ("preheader", False), ("html", True), ("text", False)):
                trees[part] = known.tree(html, getattr(compiled, part))
            self._subject = environment(False).from_string(trees["subject"])
            self._preheader = environment(False).from_string(trees["preheader"])
            self._html = environment(True).from_string(trees["html"])
            self._text = environment(False).from_string(trees["text"])
        except TemplateError as error:
            raise InputError(f"{self._name} cannot be read: {error}.", "Compile it again.") from None
        self._own = tuple(own)
        #: Which of ``own`` the mail uses at all, where it has a skeleton; the others need not be known for it.
        self.used: frozenset[str] = frozenset(own)
        self._asked = self._questions([trees[part] for part in ("subject", "html", "text")])
        self._skeletons: dict[tuple[bool, ...], Skeleton] = {}

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

    def skeleton(self, values: Sequence[str]) -> Skeleton | None:
        """The mail of these values of ``own`` (cleaned), as constants and slots numbered as they are; ``None``
        where the template has none. Mails that have the same values present get the same one, made once."""
        if self._asked is None:
            return None
        shape = tuple([bool(values[number]) for number in self._asked])
        found = self._skeletons.get(shape)
        if found is None:
            absent = {number for number in self._asked if not values[number]}
            found = self._skeletons[shape] = self._made(absent)
        return found

    def _made(self, absent: set[int]) -> Skeleton:
        values = nested(
            self._fixed,
            ((name, "" if slot in absent else stand_in(slot)) for slot, name in enumerate(self._own)),
        )
        with self._sentences(values):
            return Skeleton(
                subject=cut("".join(self._render(self._subject, values))),
                html=cut("".join(self._render(self._html, values))),
                text=cut("".join(self._render(self._text, values))),
            )

    def _questions(self, trees: Sequence[nodes.Template]) -> tuple[int, ...] | None:
        """The numbers of the values that the template asks for; ``None``: it has no skeleton."""
        sources = (self._compiled.subject, self._compiled.html, self._compiled.text)
        uses = Uses(self._own)
        try:
            for tree in trees:
                uses.read(tree)
        except NoSkeletonError:
            return None
        if not (self._own and all(can_stand(source) for source in sources)):
            return None
        self.used = frozenset(uses.shown | uses.asked)
        return tuple(number for number, name in enumerate(self._own) if name in uses.asked)

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

    def _missing(self, values: Mapping[str, object], error: UndefinedError) -> InputError:
        for name in self._compiled.placeholders:
            if not _has(values, name):
                return InputError(
                    f"{self._name} needs {{{{ {name} }}}}, which has no value.",
                    "Give it (contact list, campaign or sender settings), or take it out of the template.",
                )
        return InputError(f"{self._name} uses something that has no value: {error}.", "Mend the template.")


def nested(values: Mapping[str, object], more: Iterable[tuple[str, str]]) -> dict[str, object]:
    """``values``, nested by name, and ``more`` by their dotted names."""
    whole: dict[str, Any] = dict(values)
    for dotted, value in more:
        group, _, name = dotted.partition(".")
        whole[group] = {**whole.get(group, {}), name: value} if name else value
    return whole


class _Known(NodeTransformer):
    """Puts what is known beforehand into a template. Jinja then joins it with the text around it."""

    def __init__(
        self, fixed: Mapping[str, object], around: Mapping[str, Mapping[str, tuple[str, ...]]]
    ) -> None:
        self._fixed = fixed
        self._around = around
        self._taken: set[str] = set()

    def tree(self, html: bool, source: str) -> nodes.Template:
        tree = environment(html).parse(source)
        # what a loop calls by the same name is something else
        self._taken = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
        known: nodes.Template = self.visit(tree)
        return known

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
