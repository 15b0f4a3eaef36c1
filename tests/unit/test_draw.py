"""Charts as pictures: twice as wide, with letters on any machine, in all languages of the Union."""

from __future__ import annotations

import struct
from importlib import resources

from outreach.jobs.draw import png
from outreach.report.charts_ink import Drawing
from outreach.report.page_words import languages, words


def drawn(text: str, width: float = 200) -> bytes:
    drawing = Drawing("d", width)
    drawing.text("ink", 10, 20, text)
    return png(drawing.svg(30, title="t", description="d"))


def test_a_picture_is_twice_as_wide_as_its_chart() -> None:
    picture = drawn("541")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (400, 60)


def test_letters_come_from_the_program_and_not_from_the_machine() -> None:
    blank, wide, narrow = drawn(""), drawn("WWWWW"), drawn("iiiii")
    assert len({blank, wide, narrow}) == 3
    for weight in ("Regular", "Bold"):
        font = (resources.files("outreach.jobs") / "fonts" / f"OutreachCharts-{weight}.ttf").read_bytes()
        assert b"Outreach Charts" in font or "Outreach Charts".encode("utf-16-be") in font


def test_the_letters_of_every_language_are_there() -> None:
    every = [words(language) for language in languages()]
    names = [say.country(code) for say in every for code in ("CZ", "GR", "IE", "MT", "LV")]
    shown = {*"".join(say.get(key, "") for say in every for key in say.known), *"".join(names)}
    missing = drawn("\U00013000")  # a hieroglyph: what stands for a letter that is not there
    for letter in sorted(letter for letter in shown if letter.isalnum()):
        assert drawn(letter) != missing, letter
