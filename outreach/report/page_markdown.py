"""The report as Markdown: the same findings and tables as the page, for a mail, a wiki or a repository."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from outreach.report.document import Report
from outreach.report.page import view
from outreach.report.page_view import Cell, Figure, Table
from outreach.report.page_words import SOURCE, words

#: What Markdown would read as its own within a line, in any place (CommonMark 0.31, 2.4).
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&$])")
_LINE_BREAKS = re.compile(r"\s*[\r\n\x0b\x0c\x85\u2028\u2029]+\s*")


def to_markdown(report: Report, language: str = SOURCE) -> str:
    """CommonMark with the tables of GitHub; ends with a line break. KeyError for a language that is none of
    :func:`~outreach.report.page_words.languages`.

    Whatever campaigns, steps and regions are called stays text.
    """
    say = words(language)
    page = view(report, say)
    parts = [f"# {plain(page.title)}", *(plain(line) for line in page.about), f"## {plain(say('in_short'))}"]
    heads = (say("figure"), say("number"), say("rate"), say("interval"), say("meaning"))
    parts.append(
        _rows(
            [Cell(head, number=1 <= column <= 3) for column, head in enumerate(heads)],
            [
                [Cell(one.label), Cell(one.number), Cell(one.rate), Cell(one.interval), Cell(one.meaning)]
                for one in page.headlines
            ],
        )
    )
    for chapter in page.chapters:
        parts.append(f"## {plain(chapter.title)}")
        for figure in chapter.figures:
            parts += _figure(figure)
    parts += [f"## {plain(say('definitions'))}", _table(page.definitions)]
    parts.append("\n".join(f"- {plain(note)}" for note in page.notes))
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """``text`` as Markdown that says just that, on one line."""
    escaped = _SPECIAL.sub(r"\\\1", _LINE_BREAKS.sub(" ", text))
    return re.sub(r"^(\s*)([-+=]|\d+(?=[.)]))", _harmless, escaped)


def _harmless(start: re.Match[str]) -> str:
    """A line that begins as a list or a heading would, with that beginning made plain."""
    begin = start.group(2)
    return start.group(1) + (begin + "\N{WORD JOINER}" if begin.isdigit() else "\\" + begin)


def _figure(figure: Figure) -> Iterator[str]:
    yield f"### {plain(figure.finding)}"
    yield plain(figure.about)
    yield _table(figure.table)
    yield from (plain(note) for note in figure.notes)


def _table(table: Table) -> str:
    return _rows(table.head, table.rows)


def _rows(head: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> str:
    lines = [_line(_text(cell) for cell in head)]
    lines.append(_line("---:" if cell.number else "---" for cell in head))
    lines += [_line(_text(cell) for cell in row) for row in rows]
    return "\n".join(lines)


def _line(cells: Iterator[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(cell: Cell) -> str:
    return plain(f"{cell.text} · {cell.detail}" if cell.detail else cell.text)
