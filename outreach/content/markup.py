"""The HTML of a mail's body, from its blocks: plain elements with few classes, tables for buttons."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markdown_it.token import Token

from outreach.content.blocks import Block


def write(blocks: Sequence[Block]) -> str:
    """HTML of the blocks; statements between blocks are comments, as nothing else may stand everywhere."""
    return "\n".join(_block(block) for block in blocks)


def _block(block: Block) -> str:
    inner = inline(block.inline)
    match block.kind:
        case "tag":
            return f"<!--{block.word}-->"
        case "paragraph":
            return inner if block.tight else f"<p>{inner}</p>"
        case "heading":
            # the layout has the one h1 of the mail
            level = min(max(block.level, 2), 4)
            return f"<h{level}>{inner}</h{level}>"
        case "rule":
            return "<hr>"
        case "button":
            return _button(block, inner)
        case "table":
            return _table(block)
        case "bullets":
            return f"<ul>{write(block.children)}</ul>"
        case "numbers":
            start = f' start="{block.level}"' if block.level != 1 else ""
            return f"<ol{start}>{write(block.children)}</ol>"
        case "item":
            return f"<li>{write(block.children)}</li>"
        case "quote":
            return f"<blockquote>{write(block.children)}</blockquote>"


# Outlook's Word engine gives a link no padding. Within the link stand two wide spaces instead, the first raised to
# make the line as high as the button, so that all of it can be clicked. (A button drawn in VML would need its width
# beforehand, which differs with each language's words.) goodemailcode.com/email-code/link-button
_WORD_BEFORE = (
    '<!--[if mso]><i hidden style="mso-font-width:200%;mso-text-raise:26px">&emsp;</i>'
    '<span style="mso-text-raise:13px"><![endif]-->'
)
_WORD_BEHIND = '<!--[if mso]></span><i hidden style="mso-font-width:200%">&emsp;&#8203;</i><![endif]-->'


def _button(block: Block, inner: str) -> str:
    """A coloured cell, and a link with padding that fills it."""
    rank = "primary" if block.primary else "secondary"
    return (
        f'<table role="presentation" class="button {rank}" cellpadding="0" cellspacing="0" border="0"><tr>'
        f'<td class="button-cell {rank}-cell">'
        f'<a class="button-link {rank}-link" href="{escape(block.href)}">'
        f"{_WORD_BEFORE}{inner}{_WORD_BEHIND}</a></td></tr></table>"
    )


def _table(block: Block) -> str:
    parts = ['<table class="rows" cellpadding="0" cellspacing="0" border="0">']
    if any(block.header):
        cells = "".join(f'<th scope="col" align="left">{inline(cell)}</th>' for cell in block.header)
        parts.append(f"<thead><tr>{cells}</tr></thead>")
    parts.append("<tbody>")
    for row in block.rows:
        if row.tag:
            parts.append(f"<!--{row.tag}-->")
        else:
            parts.append(f"<tr>{''.join(f'<td>{inline(cell)}</td>' for cell in row.cells)}</tr>")
    parts.append("</tbody></table>")
    return "".join(parts)


def inline(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            parts.append(f'<a href="{escape(str(token.attrs["href"]))}">')
        elif token.nesting == 1:
            parts.append(f"<{token.tag}>")
        elif token.nesting == -1:
            parts.append(f"</{token.tag}>")
        elif token.type == "hardbreak":
            parts.append("<br>")
        elif token.type == "softbreak":
            parts.append("\n")
        elif token.type == "code_inline":
            parts.append(f"<code>{escape(token.content)}</code>")
        else:
            parts.append(escape(token.content, quote=False))
    return "".join(parts)
