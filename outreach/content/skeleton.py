"""A mail as constants with slots between them: what is left of a template once all is known but the recipient.

Most mails only put a recipient's values into the text, or ask whether there is one (``{% if contact.name %}``).
Then all mails that have the same values present are one row of constants, and writing a mail is to join it: no
template runs. A template that does anything else with such a value (a filter, a comparison) has no skeleton.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from jinja2 import nodes
from markupsafe import escape

#: A constant, or the number of the slot a value goes into.
Parts = tuple[str | int, ...]

# Noncharacters (Unicode, section 23.7): never in a text, and cleaned out of values.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_SPECIAL = re.compile("[&<>'\"]")
_SLOT = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """The parts of one mail. In ``html`` a value has to be escaped, in the others it stands as it is. (Each is made
    once: to compare all their parts for every mail would cost more than to fill them in.)"""

    subject: Parts
    html: Parts
    text: Parts


def escaped(values: Sequence[str]) -> Sequence[str]:
    """Values as they stand in HTML, as Jinja writes them; the same sequence where none has to be changed."""
    if _SPECIAL.search("".join(values)) is None:
        return values
    return [str(escape(value)) for value in values]


class NoSkeletonError(Exception):
    """The template does more with a recipient's value than to show it or to ask whether there is one."""


def stand_in(slot: int) -> str:
    """What is rendered in place of a value."""
    return f"{_OPEN}{slot}{_CLOSE}"


def cut(rendered: str) -> Parts:
    """What was rendered with stand-ins, as constants and slots."""
    pieces = _SLOT.split(rendered)
    parts = [int(piece) if number % 2 else piece for number, piece in enumerate(pieces)]
    return tuple(part for part in parts if part != "")


def can_stand(source: str) -> bool:
    """Whether no text of the source can be mistaken for a stand-in."""
    return _OPEN not in source


class Uses:
    """Which of ``names`` (dotted, those that differ from mail to mail) a template shows, and which it asks for.

    :raises NoSkeletonError: from :meth:`read`.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._roots = {name.partition(".")[0] for name in names}
        self.shown: set[str] = set()
        self.asked: set[str] = set()

    def read(self, tree: nodes.Template) -> None:
        if any(name.name in self._roots for name in tree.find_all(nodes.Name) if name.ctx == "store"):
            raise NoSkeletonError  # a loop calls something else by the same name
        self._visit(tree)

    def _visit(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                if (name := self._name(child)) is not None:
                    self.shown.add(name)
                else:
                    self._visit(child)
        elif isinstance(node, nodes.If):
            self._test(node.test)
            for part in (*node.body, *node.elif_, *node.else_):
                self._visit(part)
        elif isinstance(node, nodes.Name) and node.name in self._roots:
            raise NoSkeletonError
        else:
            for inner in node.iter_child_nodes():
                self._visit(inner)

    def _test(self, node: nodes.Node) -> None:
        if (name := self._name(node)) is not None:
            self.asked.add(name)
        elif isinstance(node, nodes.Not):
            self._test(node.node)
        elif isinstance(node, nodes.And | nodes.Or):
            self._test(node.left)
            self._test(node.right)
        else:
            self._visit(node)

    def _name(self, node: nodes.Node) -> str | None:
        name = None
        if isinstance(node, nodes.Name):
            name = node.name
        elif isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
            name = f"{node.node.name}.{node.attr}"
        return name if name in self._names else None
