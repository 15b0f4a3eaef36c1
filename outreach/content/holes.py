"""Values that a mail shows without having asked whether there is one: where such a value is empty, its sentence has a
hole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from jinja2 import nodes

from outreach.content.compiled import Compiled
from outreach.content.tags import environment


def unguarded(compiled: Compiled) -> frozenset[str]:
    """The dotted names of these values, as "contact.name"."""
    found: set[str] = set()
    for source in (compiled.subject, compiled.preheader, compiled.html, compiled.text):
        tree = environment(False).parse(source)
        loops = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
        found.update(name for name in _shown(tree.body, frozenset()) if name.partition(".")[0] not in loops)
    return frozenset(found)


def is_empty(values: Mapping[str, object], name: str) -> bool:
    """Whether the value called ``name`` is there, and nothing but white space."""
    at: object = values
    for part in name.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return False
        at = at[part]
    return isinstance(at, str) and not at.strip()


def _shown(body: Iterable[nodes.Node], asked: frozenset[str]) -> Iterator[str]:
    for node in body:
        if isinstance(node, nodes.If):
            within = asked | set(_names(node.test))
            yield from _shown((*node.body, *node.elif_, *node.else_), within)
        elif isinstance(node, nodes.For):
            yield from _shown((*node.body, *node.else_), asked | set(_names(node.iter)))
        elif isinstance(node, nodes.Output):
            for part in node.nodes:
                if not any(one.name == "default" for one in _filters(part)):
                    yield from (name for name in _names(part) if name not in asked)


def _filters(node: nodes.Node) -> Iterator[nodes.Filter]:
    if isinstance(node, nodes.Filter):
        yield node
    yield from node.find_all(nodes.Filter)


def _names(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Name):
        yield node.name
    elif isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        yield f"{node.node.name}.{node.attr}"
    else:
        for inner in node.iter_child_nodes():
            yield from _names(inner)
