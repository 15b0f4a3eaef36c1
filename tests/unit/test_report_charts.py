"""Charts: what is drawn is in proportion to what is said, whole XML, and readable without colour."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from lxml import etree

from outreach.model.countries import COUNTRIES
from outreach.report import charts_calendar, charts_curve, charts_funnel, charts_intervals, charts_tiles
from outreach.report.charts_ink import DARK_STEPS, NIGHT, PAPER, ROLES, STEPS, fit, stylesheet, text_width
from outreach.report.charts_scales import class_of, classes, ticks, whole_ticks
from outreach.report.page_words import words

EN = words("en")
SVG = "{http://www.w3.org/2000/svg}"
WIDTHS = pytest.mark.parametrize("width", [640.0, 288.0])


def drawn(svg: str) -> etree._Element:
    root = etree.fromstring(svg)
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    ids = root.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(root.get("aria-labelledby").split()) <= set(ids)
    for node in root.iter():
        assert node.tag.removeprefix(SVG) in {
            *("svg", "title", "desc", "defs", "pattern", "rect", "line", "path", "circle", "text")
        }
        assert not [name for name in node.attrib if name.startswith("on") or "href" in name]
    return root


def shapes(root: etree._Element, role: str) -> list[etree._Element]:
    return root.findall(f".//*[@class='c-{role}']")


def texts(root: etree._Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{SVG}text")]


@WIDTHS
def test_bars_of_the_funnel_are_as_long_as_their_counts(width: float) -> None:
    counts = (1000, 800, 200)
    stages = [
        charts_funnel.Stage("Invited", 1000, None, "1,000"),
        charts_funnel.Stage("Reached", 800, 1000, "800 (80%)"),
        charts_funnel.Stage("Answered", 200, 800, "200 (25%)", (150.0, 260.0)),
    ]
    root = drawn(charts_funnel.funnel("f", width, stages, title="t", description="d"))
    bars = [float(bar.get("width")) for bar in shapes(root, "bar")]
    assert [bar / bars[0] for bar in bars] == pytest.approx([count / 1000 for count in counts], abs=0.001)
    behind = [float(bar.get("width")) for bar in shapes(root, "rest")]
    assert [bar / bars[0] for bar in behind] == pytest.approx([1.0, 0.8], abs=0.001)
    line = shapes(root, "whisker")[0]
    start = float(shapes(root, "bar")[2].get("x"))
    ends = [(float(line.get(x)) - start) / bars[0] for x in ("x1", "x2")]
    assert ends == pytest.approx([0.15, 0.26], abs=0.001)
    assert {"Invited", "1,000", "800 (80%)", "200 (25%)"} <= set(texts(root))


@WIDTHS
def test_dots_and_intervals_stand_on_one_scale(width: float) -> None:
    dots = [
        charts_intervals.Dot("Sure", 40.0, 36.0, 44.0, "40% of 600"),
        charts_intervals.Dot("Few", 20.0, 4.0, 62.0, "20% of 5", sure=False),
        charts_intervals.Dot("None", None, 0.0, 0.0, "–"),
    ]
    root = drawn(charts_intervals.intervals("i", width, dots, EN, title="t", description="d"))
    (dot,) = shapes(root, "dot")
    (hollow,) = shapes(root, "hollow")
    (line,) = shapes(root, "interval")
    (unsure,) = shapes(root, "unsure")
    place = {
        40: dot.get("cx"),
        20: hollow.get("cx"),
        36: line.get("x1"),
        44: line.get("x2"),
        62: unsure.get("x2"),
    }
    per_point = (float(place[40]) - float(place[20])) / 20
    for value, x in place.items():
        assert float(x) - float(place[20]) == pytest.approx((value - 20) * per_point, abs=0.05)


@WIDTHS
def test_a_curve_never_falls_nor_goes_back_and_ends_at_its_rate(width: float) -> None:
    line = charts_curve.Curve("", tuple((day, float(day)) for day in range(0, 41, 2)))
    marks = [(14, "Reminder"), (15, "Last call"), (39, "A very long name of a mail that is far to the right")]
    root = drawn(charts_curve.curve("c", width, line, marks, EN, title="t", description="d"))
    (path,) = shapes(root, "line")
    across = [float(x) for x in re.findall(r"[MH]([\d.]+)", path.get("d"))]
    up = [float(y) for y in re.findall(r"(?:M[\d.]+ |V)([\d.]+)", path.get("d"))]
    assert across == sorted(across)
    assert up == sorted(up, reverse=True)
    ticked = [text for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "end"]
    levels = {text.text: float(text.get("y")) - 4 for text in ticked}
    assert up[-1] == pytest.approx(levels["40%"], abs=0.05)
    for text in root.iter(f"{SVG}text"):  # nothing runs out of the picture
        half = text_width(text.text, float(text.get("font-size"))) / 2
        if text.get("text-anchor") == "middle":
            assert half - 1 <= float(text.get("x")) <= width - half + 1, text.text


def test_mails_of_each_week_stand_below_its_days() -> None:
    line = charts_curve.Curve("", ((0, 5.0), (20, 10.0)))
    weeks = [(1, 400), (3, 100)]
    root = drawn(charts_curve.curve("c", 640, line, [], EN, title="t", description="d", weeks=weeks))
    first, third = shapes(root, "quiet")
    assert float(first.get("height")) == pytest.approx(4 * float(third.get("height")), abs=0.1)
    days = {text.text: float(text.get("x")) for text in root.iter(f"{SVG}text") if text.get("text-anchor")}
    assert float(first.get("x")) == pytest.approx(days["0"], abs=1.1)
    assert float(third.get("x")) == pytest.approx(days["14"], abs=1.1)


def test_small_curves_share_their_scales() -> None:
    lines = [charts_curve.Curve(name, ((0, 5.0), (10, top))) for name, top in (("A", 40.0), ("B", 20.0))]
    whole = charts_curve.Curve("", ((0, 5.0), (10, 30.0)))
    root = drawn(charts_curve.multiples("m", 640, lines, whole, EN, title="t", description="d"))
    first, second = (float(re.findall(r"V([\d.]+)", path.get("d"))[-1]) for path in shapes(root, "line"))
    base = float(shapes(root, "axis")[0].get("y1"))
    assert (base - first) == pytest.approx(2 * (base - second), abs=0.1)
    assert len(shapes(root, "whole")) == 2


def test_every_country_has_a_tile_of_its_own() -> None:
    assert set(charts_tiles.PLACES) == set(COUNTRIES)
    assert len(set(charts_tiles.PLACES.values())) == 27


@WIDTHS
def test_tiles_say_their_figure_and_those_with_too_few_have_no_colour(width: float) -> None:
    shown = {
        "BE": charts_tiles.Tile(41.0),
        "LU": charts_tiles.Tile(3.0),
        "MT": charts_tiles.Tile(66.0, sure=False),
    }
    root = drawn(charts_tiles.tiles("t", width, shown, EN, title="t", description="d"))
    said = texts(root)
    assert {"BE", "41%", "LU", "3%", "MT", "66%"} <= set(said)
    assert set(COUNTRIES) <= set(said)
    assert {EN("not_enough"), EN("nothing_sent")} <= set(said)
    hatched = [
        node for node in root.iter(f"{SVG}rect") if (node.get("fill") or "").startswith("url(#t-hatch)")
    ]
    assert len(hatched) == 2  # Malta and the legend
    strong = [node for node in shapes(root, "step4") if float(node.get("width")) > 30]
    assert len(strong) == 1


@WIDTHS
def test_a_calendar_has_a_square_for_each_day_with_mail(width: float) -> None:
    first = date(2026, 3, 2)
    days = {first + timedelta(number): 10 * number for number in range(1, 300, 7)}
    root = drawn(charts_calendar.calendar("k", width, days, EN, title="t", description="d"))
    side = 20 if width < 480 else 18
    squares = [
        node for step in range(5) for node in shapes(root, f"step{step}") if float(node.get("width")) == side
    ]
    legend = sum("–" in text for text in texts(root))
    assert len(squares) == len(days) + legend
    assert all(float(node.get("x")) + side <= width for node in squares)


def test_whatever_a_country_or_campaign_is_called_stays_text() -> None:
    evil = "\"'><script>alert(1)</script>&amp;\x00\ud800"
    stages = [charts_funnel.Stage(evil, 5, None, evil)]
    root = drawn(charts_funnel.funnel("f", 640, stages, title=evil, description=evil))
    assert root[0].text == "\"'><script>alert(1)</script>&amp;\ufffd\ufffd"
    assert any(text.startswith("\"'><script>") for text in texts(root))


# colours


def test_the_steps_can_be_told_apart_in_grey_and_by_the_colour_blind() -> None:
    for steps in (STEPS, DARK_STEPS):
        for blindness in (GREY, DEUTERANOPIA, PROTANOPIA, TRITANOPIA):
            seen = [seen_as(colour, blindness) for colour in steps]
            lights = [lightness(colour) for colour in seen]
            assert lights == sorted(lights, reverse=steps is STEPS)
            for one, other in pairwise(lights):
                assert abs(one - other) >= 10, "of 100 (CIE L*): a step that is seen"


def test_words_on_and_beside_the_charts_have_the_contrast_of_level_aa() -> None:
    for number in range(len(STEPS)):
        on, step = ROLES[f"on{number}"], ROLES[f"step{number}"]
        assert contrast(on.light["fill"], step.light["fill"]) >= 4.5
        assert contrast(on.dark["fill"], step.dark["fill"]) >= 4.5
    for role in ("ink", "soft"):
        assert contrast(ROLES[role].light["fill"], PAPER) >= 4.5
        assert contrast(ROLES[role].dark["fill"], NIGHT) >= 4.5
    for role in ("bar", "dot", "quiet"):
        assert contrast(ROLES[role].light["fill"], PAPER) >= 3
        assert contrast(ROLES[role].dark["fill"], NIGHT) >= 3
    for role in ("bar", "dot"):
        assert contrast(ROLES[role].light["fill"], ROLES["rest"].light["fill"]) >= 3
        assert contrast(ROLES[role].dark["fill"], ROLES["rest"].dark["fill"]) >= 3
    for role in ("line", "interval", "unsure", "whole", "edge", "axis", "whisker"):
        assert contrast(ROLES[role].light["stroke"], PAPER) >= 3
        assert contrast(ROLES[role].dark["stroke"], NIGHT) >= 3


def test_every_role_but_none_has_its_colour_for_the_dark() -> None:
    css = stylesheet()
    for name in ROLES:
        assert f".chart .c-{name} {{" in css


#: How linear red, green and blue are seen, whole (Machado, Oliveira and Fernandes 2009, severity 1.0).
DEUTERANOPIA = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)
PROTANOPIA = (
    (0.152286, 1.052583, -0.204868),
    (0.114503, 0.786281, 0.099216),
    (-0.003882, -0.048116, 1.051998),
)
TRITANOPIA = (
    (1.255528, -0.076749, -0.178779),
    (-0.078411, 0.930809, 0.147602),
    (0.004733, 0.691367, 0.303900),
)
GREY = ((0.2126, 0.7152, 0.0722),) * 3


def linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def seen_as(colour: str, matrix: tuple[tuple[float, float, float], ...]) -> list[float]:
    rgb = linear(colour)
    return [min(1.0, max(0.0, sum(a * b for a, b in zip(row, rgb, strict=True)))) for row in matrix]


def luminance(rgb: list[float]) -> float:
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def lightness(rgb: list[float]) -> float:
    y = luminance(rgb)
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def contrast(one: str, other: str) -> float:
    low, high = sorted(luminance(linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


# scales and text


@pytest.mark.parametrize(
    ("most", "expected"),
    [(38.2, [0, 10, 20, 30, 40]), (1.0, [0, 0.5, 1.0]), (100, [0, 50, 100]), (0, [0, 1])],
)
def test_ticks_are_round(most: float, expected: list[float]) -> None:
    assert ticks(most, 4 if most == 38.2 else 2) == pytest.approx(expected)


def test_weeks_are_counted_in_sevens() -> None:
    assert whole_ticks(60, 8, 7) == [0, 14, 28, 42, 56]
    assert whole_ticks(20, 8, 7) == [0, 7, 14]


def test_classes_hold_every_value_and_no_more_than_five() -> None:
    for most in (0.3, 3, 7, 19, 38, 50, 51, 99, 100, 4123):
        ends = classes([most / 7, most], 5)
        assert len(ends) <= 5
        assert ends[-1] >= most
        assert class_of(most, ends) == len(ends) - 1
        assert class_of(0, ends) == 0
    assert class_of(20.0, [10, 20, 30]) == 2


def test_text_is_cut_to_its_room() -> None:
    long = "Wieloletnia Nazwa Województwa"
    for room in (20, 60, 120):
        cut = fit(long, room, 13)
        assert cut.endswith("…")
        assert text_width(cut, 13) <= room
    assert fit(long, text_width(long, 13), 13) == long
