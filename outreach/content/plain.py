"""The plain text of a mail, written from the same blocks as its HTML, 72 columns wide.

Lines are broken before the values are known, so a long name may pass the margin; a tag is never broken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from outreach.content.answers import BRIEF
from outreach.content.blocks import Block
from outreach.content.catalog import ANSWERS
from outreach.content.tags import Tags

WIDTH = 72

#: What a value is taken to be wide, as long as it is not known.
_VALUE_WIDTH = 14
_WIDE_VALUE_WIDTH = 30
_WIDE = re.compile(
    r"\.(?:email|source|controller|address|privacy_url|title|place|online|details|date) |links(?:_2)?\."
)

_ANSWER = re.compile(rf"\{{\{{ (links(?:_2)?)\.({'|'.join(ANSWERS)}) \}}\}}")


class PlainText:
    """Writes blocks and single texts whose tags are hidden by ``tags``."""

    def __init__(self, tags: Tags, colon: str = ":") -> None:
        """``colon`` is how the language writes it."""
        self._tags = tags
        self.colon = colon

    def write(self, blocks: Sequence[Block]) -> str:
        """Every block ends with a blank line of its own, inside the statements around it, so that a false
        condition leaves no gap."""
        return "".join(self._block(block, "") for block in blocks)

    def wrap(self, text: str, first: str = "", rest: str = "") -> str:
        """``text`` broken into lines; ``first`` and ``rest`` begin the first line and the others."""
        lines: list[str] = []
        for part in self._tidy(text).split("\n"):
            lines.extend(self._lines(part, first if not lines else rest, rest))
        return "\n".join(lines)

    def _lines(self, text: str, first: str, rest: str) -> list[str]:
        lines: list[str] = []
        line, width = first, len(first)
        empty = True
        for word in text.split(" "):
            long = self._width(word)
            if not empty and width + 1 + long > WIDTH and long:
                lines.append(line.rstrip())
                line, width, empty = rest, len(rest), True
            if not empty:
                line, width = f"{line} ", width + 1
            line, width = line + word, width + long
            empty = False
        return [*lines, line.rstrip()]

    def _width(self, word: str) -> int:
        shown = self._tags.statement.sub("", word)
        values = self._tags.word.findall(shown)
        wide = sum(_WIDE.search(self._tags.source(value)) is not None for value in values)
        return (
            len(self._tags.word.sub("", shown))
            + (len(values) - wide) * _VALUE_WIDTH
            + wide * _WIDE_VALUE_WIDTH
        )

    def brief(self, address: str) -> str:
        """``address``, with the whole answer links replaced by the brief ones."""
        source = self._tags.source(address)
        return self._tags.hide(_ANSWER.sub(rf"{{{{ \g<1>.\g<2>{BRIEF} }}}}", source))

    def _tidy(self, text: str) -> str:
        """Moves the space before ``{% if %}`` into the condition (unless there is an else), so that no double
        space, and no empty line, is left when it is false."""
        statements = list(self._tags.statement.finditer(text))
        for at, found in enumerate(statements):
            space = text[found.start() - 1 : found.start()]
            if (
                space == " "
                and self._tags.keyword(found.group()) == "if"
                and self._is_simple(statements[at:])
            ):
                text = f"{text[: found.start() - 1]}{found.group()} {text[found.end() :]}"
        return text

    def _is_simple(self, statements: Sequence[re.Match[str]]) -> bool:
        depth = 0
        for found in statements:
            keyword = self._tags.keyword(found.group())
            depth += (keyword in ("if", "for")) - (keyword in ("endif", "endfor"))
            if depth == 0:
                return True
            if depth == 1 and keyword in ("else", "elif"):
                return False
        return False

    def _block(self, block: Block, indent: str) -> str:
        match block.kind:
            case "tag":
                return block.word
            case "paragraph":
                return self.wrap(self.inline(block.inline), indent, indent) + (
                    "\n" if block.tight else "\n\n"
                )
            case "heading":
                text = self.inline(block.inline)
                line = "=" if block.level < 3 else "-"
                return f"{self.wrap(text, indent, indent)}\n{indent}{line * min(self._width(text), 40)}\n\n"
            case "rule":
                return f"{indent}{'-' * 24}\n\n"
            case "button":
                words = self.wrap(f"{self.inline(block.inline)}{self.colon}", indent, indent)
                return f"{words}\n{indent}{self.brief(block.href)}\n\n"
            case "table":
                return self._table(block, indent)
            case "bullets" | "numbers":
                return self._list(block, indent) + "\n"
            case "quote":
                return "".join(self._block(child, f"{indent}> ") for child in block.children)
            case "item":
                raise AssertionError("an item stands in a list")

    def _list(self, block: Block, indent: str) -> str:
        """Numbers are only written where they are known: statements between the items make it bullets."""
        counted = block.kind == "numbers" and all(child.kind == "item" for child in block.children)
        parts: list[str] = []
        for number, child in enumerate(block.children, block.level):
            if child.kind == "tag":
                parts.append(child.word)
                continue
            mark = f"{number}. " if counted else "- "
            inner = indent + " " * len(mark)
            text = "".join(self._block(grandchild, inner) for grandchild in child.children)
            parts.append(self._with_mark(text, indent, inner, mark).rstrip("\n") + "\n")
        return "".join(parts)

    def _with_mark(self, text: str, indent: str, inner: str, mark: str) -> str:
        """``text`` with its first indentation, which may stand behind statements, replaced by the mark."""
        begin = re.match(rf"(?:{self._tags.statement.pattern})*", text)
        assert begin is not None
        if text.startswith(inner, begin.end()):
            return f"{begin.group()}{indent}{mark}{text[begin.end() + len(inner) :]}"
        return f"{indent}{mark}{text}"

    def _table(self, block: Block, indent: str) -> str:
        two = len(block.header) == 2
        lines = []
        if any(block.header):
            lines.append(f"{indent}{' | '.join(self.inline(cell) for cell in block.header)}\n")
            lines.append(f"{indent}{'-' * 24}\n")
        for row in block.rows:
            if row.tag:
                lines.append(row.tag)
                continue
            cells = [self.inline(cell) for cell in row.cells]
            text = (
                f"{cells[0].removesuffix(':').rstrip()}{self.colon} {cells[1]}" if two else " | ".join(cells)
            )
            lines.append(f"{indent}{text}\n")
        return "".join(lines) + "\n"

    def inline(self, tokens: Sequence[Token]) -> str:
        """Text of inline tokens, hard breaks as line breaks, a link as ``words <address>``."""
        parts: list[str] = []
        links: list[tuple[str, int]] = []
        for token in tokens:
            if token.type == "link_open":
                links.append((self.brief(str(token.attrs["href"])), len(parts)))
            elif token.type == "link_close":
                href, start = links.pop()
                words, leads = (self._tags.show(text) for text in ("".join(parts[start:]), href))
                if words not in (leads, leads.removeprefix("mailto:"), leads.removeprefix("https://")):
                    parts.append(f" <{href}>")
            elif token.type == "hardbreak":
                parts.append("\n")
            elif token.type == "softbreak":
                parts.append(" ")
            elif token.type in ("text", "code_inline"):
                parts.append(token.content)
        return "".join(parts)
