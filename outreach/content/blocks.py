"""Markdown read into blocks: paragraphs, headings, lists, tables, buttons, and the Jinja statements between.

Both parts of a mail are written from these blocks, so they say the same. Statements are put where they leave
nothing behind when their condition is false: around a paragraph, between the items of a list or the rows of a
table, never inside an element that would stay as an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from outreach.content.tags import Tags
from outreach.errors import InputError

Kind = Literal[
    "paragraph", "heading", "bullets", "numbers", "item", "quote", "rule", "table", "button", "tag"
]

_LISTS = ("bullets", "numbers")
_CONTAINERS: dict[str, Kind] = {
    "bullet_list_open": "bullets",
    "ordered_list_open": "numbers",
    "list_item_open": "item",
    "blockquote_open": "quote",
}
_OPENING = frozenset({"if", "for"})
_CLOSING = {"endif": "if", "endfor": "for"}


@dataclass(slots=True)
class Row:
    """A row of a table, or (``tag`` is set) a statement between two rows."""

    cells: list[list[Token]] = field(default_factory=list)
    tag: str = ""


@dataclass(slots=True)
class Block:
    """One block. Which fields count depends on ``kind``."""

    kind: Kind
    inline: list[Token] = field(default_factory=list)  # paragraph, heading, button (without its link)
    children: list[Block] = field(default_factory=list)  # bullets and numbers (items, tags), item, quote
    level: int = 0  # heading: 1 to 6; numbers: the first number
    tight: bool = False  # paragraph in a list without blank lines
    word: str = ""  # tag: the hidden statement
    href: str = ""  # button
    primary: bool = False  # button: the first of a row
    header: list[list[Token]] = field(default_factory=list)  # table
    rows: list[Row] = field(default_factory=list)  # table


def read(markdown: str, tags: Tags, path: str) -> list[Block]:
    """The blocks of a text whose tags are hidden.

    Raises ``InputError`` for a picture, and for a statement that begins in one element and ends in another.
    """
    tokens = _parser().parse(markdown, {"statements": tags.line_of_statements})
    reader = _Reader(tokens, tags, path)
    blocks = reader.blocks(until="")
    _mark_buttons(blocks, tags)
    return blocks


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    # Four spaces are an author's indentation, not code; dashes below a text are a line, not a heading.
    parser.disable(["code", "fence", "lheading", "html_block", "html_inline", "reference"])
    parser.block.ruler.before(
        "blockquote", "statement", _statement_rule, {"alt": ["paragraph", "list", "reference"]}
    )
    return parser


def _statement_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line of nothing but statements is a block of its own."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    pattern: re.Pattern[str] = state.env["statements"]
    if not pattern.fullmatch(line):
        return False
    if silent:
        return True
    token = state.push("statement", "", 0)
    token.content = line
    token.map = [start, start + 1]
    state.line = start + 1
    return True


class _Reader:
    def __init__(self, tokens: Sequence[Token], tags: Tags, path: str) -> None:
        self._tokens = tokens
        self._tags = tags
        self._path = path
        self._at = 0

    def blocks(self, until: str) -> list[Block]:
        """The blocks up to the token ``until``, which is passed over."""
        found: list[Block] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == until:
                break
            found.extend(self._block(token))
        self._check_nesting([block.word for block in found if block.kind == "tag"])
        return self._joined_lists(found)

    def _block(self, token: Token) -> list[Block]:
        if token.type == "statement":
            return [Block("tag", word=word) for word in self._tags.statement.findall(token.content)]
        if token.type == "hr":
            return [Block("rule")]
        if token.type in ("paragraph_open", "heading_open"):
            inline = self._inline()
            self._at += 1  # the closing token
            if token.type == "heading_open":
                return [Block("heading", inline=inline, level=int(token.tag[1]))]
            return self._paragraph(inline, token.hidden)
        if token.type == "table_open":
            return [self._table()]
        kind = _CONTAINERS[token.type]
        level = int(token.attrs.get("start", 1)) if kind == "numbers" else 0
        return [Block(kind, children=self.blocks(token.type.replace("_open", "_close")), level=level)]

    def _paragraph(self, inline: list[Token], tight: bool) -> list[Block]:
        """A paragraph that is wholly conditional stands between its tags, not around them."""
        before: list[Block] = []
        after: list[Block] = []
        while (pair := self._wrapping_pair(inline)) is not None:
            inline = inline[1:-1]
            before.append(Block("tag", word=pair[0]))
            after.insert(0, Block("tag", word=pair[1]))
        types = [token.type for token in inline]
        if (
            types[:2] == ["strong_open", "link_open"]
            and types[-2:] == ["link_close", "strong_close"]
            and types.count("link_open") == 1
        ):
            block = Block("button", inline=inline[2:-2], href=str(inline[1].attrs["href"]))
        else:
            block = Block("paragraph", inline=inline, tight=tight)
        return [*before, block, *after]

    def _wrapping_pair(self, inline: list[Token]) -> tuple[str, str] | None:
        if len(inline) < 3 or not all(self._is_statement(token) for token in (inline[0], inline[-1])):
            return None
        depth = 0
        for token in inline[:-1]:
            if self._is_statement(token):
                keyword = self._tags.keyword(token.content)
                depth += (keyword in _OPENING) - (keyword in _CLOSING)
                if depth == 0 or (depth == 1 and keyword in ("elif", "else")):
                    return None
        return inline[0].content, inline[-1].content

    def _is_statement(self, token: Token) -> bool:
        return token.type == "text" and self._tags.statement.fullmatch(token.content) is not None

    def _inline(self) -> list[Token]:
        """The inline tokens at the present place, every hidden tag a text token of its own."""
        children = self._tokens[self._at].children or []
        self._at += 1
        found: list[Token] = []
        for token in children:
            if token.type == "image":
                raise InputError(
                    f"templates/{self._path}: the picture {token.attrs.get('src', '')!r} cannot be sent.",
                    "Mails carry no pictures: many offices block them. Say it in words, or link to it.",
                )
            if token.type not in ("text", "text_special"):
                found.append(token)
                continue
            for part in re.split(f"({self._tags.word.pattern})", token.content):
                if part:
                    found.append(Token("text", "", 0, content=part))
        self._check_nesting_inline(found)
        return found

    def _table(self) -> Block:
        table = Block("table")
        row: list[list[Token]] = []
        in_head = False
        while (token := self._tokens[self._at]).type != "table_close":
            self._at += 1
            if token.type == "thead_open":
                in_head = True
            elif token.type == "thead_close":
                in_head = False
            elif token.type == "tr_open":
                row = []
            elif token.type in ("th_open", "td_open"):
                cell_at = self._at
                row.append(self._cell(cell_at))
                self._at = cell_at + 2
            elif token.type == "tr_close":
                if in_head:
                    table.header = row
                else:
                    table.rows.extend(self._row(row))
        self._at += 1
        self._check_nesting([row.tag for row in table.rows if row.tag])
        return table

    def _cell(self, at: int) -> list[Token]:
        """A cell of a row of statements is not checked: it closes in another row."""
        content = self._tokens[at].content.strip()
        if self._tags.line_of_statements.fullmatch(content):
            return [Token("text", "", 0, content=word) for word in self._tags.statement.findall(content)]
        return self._inline()

    def _row(self, cells: list[list[Token]]) -> list[Row]:
        if cells and cells[0] and not any(cells[1:]) and all(self._is_statement(t) for t in cells[0]):
            return [Row(tag=token.content) for token in cells[0]]
        for cell in cells:
            self._check_nesting_inline(cell)
        return [Row(cells=cells)]

    def _joined_lists(self, blocks: list[Block]) -> list[Block]:
        """Lists with nothing but statements between them are one list, as the author sees it; so is a loop
        over items."""
        units = [self._inside(unit) for unit in self._units(blocks)]
        joined: list[list[Block]] = []
        for unit in units:
            kind = self._list_kind(unit)
            if joined and kind is not None and kind == self._list_kind(joined[-1]):
                joined[-1] = [self._as_list(joined[-1] + unit, kind)]
            else:
                joined.append(unit)
        result: list[Block] = []
        for unit in joined:
            kind = self._list_kind(unit)
            loop = unit[0].kind == "tag" and self._tags.keyword(unit[0].word) == "for"
            result.extend([self._as_list(unit, kind)] if kind is not None and loop else unit)
        return result

    def _inside(self, unit: list[Block]) -> list[Block]:
        """``unit`` with the lists inside its statements joined, branch by branch."""
        if len(unit) == 1 or self._list_kind(unit) is not None:
            return unit
        result: list[Block] = []
        branch: list[Block] = []
        depth = 0
        for block in unit:
            keyword = self._tags.keyword(block.word) if block.kind == "tag" else ""
            depth -= keyword in _CLOSING
            if keyword and depth == (0 if keyword in _OPENING | set(_CLOSING) else 1):
                result += [*self._joined_lists(branch), block]
                branch = []
            else:
                branch.append(block)
            depth += keyword in _OPENING
        return result

    def _units(self, blocks: list[Block]) -> list[list[Block]]:
        """Blocks grouped: a statement, with all up to its end, is one unit."""
        units: list[list[Block]] = []
        depth = 0
        for block in blocks:
            if depth:
                units[-1].append(block)
            else:
                units.append([block])
            if block.kind == "tag":
                keyword = self._tags.keyword(block.word)
                depth += (keyword in _OPENING) - (keyword in _CLOSING)
        return units

    def _list_kind(self, unit: list[Block]) -> Kind | None:
        kinds = {block.kind for block in unit if block.kind != "tag"}
        return kinds.pop() if len(kinds) == 1 and kinds <= set(_LISTS) else None

    def _as_list(self, unit: list[Block], kind: Kind) -> Block:
        children: list[Block] = []
        for block in unit:
            children.extend([block] if block.kind == "tag" else block.children)
        return Block(kind, children=children, level=next(b.level for b in unit if b.kind == kind))

    def _check_nesting_inline(self, inline: list[Token]) -> None:
        """Statements and emphasis or links have to nest, and a statement in a link's address ends there."""
        stack: list[str] = []
        for token in inline:
            if token.type == "link_open":
                self._check_nesting(self._tags.statement.findall(str(token.attrs["href"])))
            if token.nesting == 1:
                stack.append(token.tag)
            elif token.nesting == -1:
                if not stack or stack.pop() != token.tag:
                    raise self._crossing("")
            elif self._is_statement(token):
                self._step(stack, token.content)
        if stack:
            raise self._crossing("")

    def _check_nesting(self, words: Sequence[str]) -> None:
        stack: list[str] = []
        for word in words:
            self._step(stack, word)
        if stack:
            raise self._crossing("")

    def _step(self, stack: list[str], word: str) -> None:
        keyword = self._tags.keyword(word)
        if keyword in _OPENING:
            stack.append(keyword)
        elif keyword in _CLOSING:
            if not stack or stack.pop() != _CLOSING[keyword]:
                raise self._crossing(word)
        elif not stack or stack[-1] not in _OPENING:
            raise self._crossing(word)

    def _crossing(self, word: str) -> InputError:
        what = self._tags.source(word) if word else "a condition or loop"
        return InputError(
            f"templates/{self._path}: {what} begins in one paragraph, list or link and ends in another.",
            "Put it on its own line, with a blank line before and after, or keep it within one paragraph.",
        )


def _mark_buttons(blocks: Sequence[Block], tags: Tags) -> None:
    """The first button of a row is the primary one; statements do not break a row, and of the branches of a
    condition each goes on from where it began."""
    in_row = False
    began: list[bool] = []
    for block in blocks:
        if block.kind == "button":
            block.primary = not in_row
            in_row = True
        elif block.kind != "tag":
            in_row = False
        elif (keyword := tags.keyword(block.word)) in _OPENING:
            began.append(in_row)
        elif keyword in _CLOSING:
            began.pop()
        else:
            in_row = began[-1]
        _mark_buttons(block.children, tags)
