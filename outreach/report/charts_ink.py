"""What every chart is drawn with: a small palette, shapes, text as wide as it will be.

A shape has a role, not a colour. The role writes the colours of paper as attributes, so a chart that is taken
out of its page looks right in a mail, an office program or an SVG renderer; it is also the shape's class, and
:func:`stylesheet` gives each class its colours for a dark screen. All text goes through markupsafe: whatever a
campaign or a country is called, it prints as itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from markupsafe import Markup, escape

#: Arial's widths, or narrower, first; a machine without any of them has its own sans-serif.
FONTS = (
    "'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', 'Noto Sans', 'DejaVu Sans', sans-serif"
)

#: From little to much. Light rises to dark without a turn, so the order survives greyscale and any colour
#: blindness; on a dark screen it is the other way round.
STEPS = ("#e4ecfa", "#b3caf1", "#769fe2", "#3a6bc7", "#173a86")
DARK_STEPS = ("#2a3550", "#3c548a", "#5b7fc9", "#97b7f0", "#dbe7fd")

_NEVER_IN_MARKUP = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

PAPER = "#ffffff"
NIGHT = "#14171c"


@dataclass(frozen=True, slots=True)
class Role:
    """How a kind of shape looks on paper and on a dark screen: attributes of SVG."""

    light: Mapping[str, str]
    dark: Mapping[str, str]


def _role(dark: str = "", **light: str) -> Role:
    """``dark`` takes the place of the one colour that ``light`` has: its fill, else its stroke."""
    attributes = {name.replace("_", "-"): value for name, value in light.items()}
    paint = "fill" if attributes.get("fill", "none") != "none" else "stroke"
    return Role(MappingProxyType(attributes), MappingProxyType({paint: dark} if dark else {}))


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "ink": _role("#eef1f5", fill="#101828"),
        "soft": _role("#b4bcc8", fill="#4a5465"),
        "grid": _role("#333a45", stroke="#dfe3ea", fill="none"),
        "axis": _role("#8d97a6", stroke="#6b7585", fill="none"),
        "bar": _role("#8fb2f5", fill="#1f4aa8"),
        "quiet": _role("#6f7a8a", fill="#8891a0"),
        "rest": _role("#333f56", fill="#dbe3f2"),
        "line": _role("#8fb2f5", stroke="#1f4aa8", fill="none", stroke_width="2.5", stroke_linejoin="round"),
        "whole": _role("#9aa4b3", stroke="#6b7585", fill="none", stroke_width="1.5", stroke_linejoin="round"),
        "dot": _role("#8fb2f5", fill="#1f4aa8"),
        "hollow": Role(
            {"fill": PAPER, "stroke": "#6b7585", "stroke-width": "1.5"}, {"fill": NIGHT, "stroke": "#9aa4b3"}
        ),
        "interval": _role("#8fb2f5", stroke="#1f4aa8", fill="none", stroke_width="2"),
        "whisker": _role("#eef1f5", stroke="#101828", fill="none", stroke_width="1.5"),
        "unsure": _role("#9aa4b3", stroke="#6b7585", fill="none", stroke_width="2"),
        "halo": _role(NIGHT, stroke=PAPER, fill="none", stroke_width="4"),
        "band": _role("#2c3d5f", fill="#d3dff5"),
        "paper": _role(NIGHT, fill=PAPER),
        "edge": _role("#8d97a6", stroke="#6b7585", fill="none", stroke_width="1"),
        "mark": _role("#b4bcc8", stroke="#4a5465", fill="none", stroke_width="1", stroke_dasharray="3 3"),
        "hatch": _role("#8d97a6", stroke="#8b95a4", fill="none", stroke_width="1"),
        **{
            f"step{number}": Role({"fill": light}, {"fill": dark})
            for number, (light, dark) in enumerate(zip(STEPS, DARK_STEPS, strict=True))
        },
        # words on a step: dark on the light ones, white on the dark ones; at night the other way round
        **{
            f"on{number}": Role(
                {"fill": "#101828" if number < 3 else "#ffffff"},
                {"fill": "#ffffff" if number < 2 else "#0b101a"},
            )
            for number in range(len(STEPS))
        },
    }
)


def stylesheet() -> str:
    """The rules that turn every chart of a page dark; to stand inside the page's own media query."""
    rules = []
    for name, role in ROLES.items():
        if role.dark:
            paints = "; ".join(f"{what}: {colour}" for what, colour in role.dark.items())
            rules.append(f".chart .c-{name} {{ {paints} }}")
    return "\n".join(rules)


class Drawing:
    """Shapes on a ground ``width`` wide, in CSS pixels; the height is said when it is known.

    ``name`` makes the ids of the drawing unique within a page: letters, digits and hyphens.
    """

    def __init__(self, name: str, width: float) -> None:
        self.name, self.width = name, width
        self._shapes: list[str] = []
        self._hatched = False

    def rect(self, role: str, x: float, y: float, width: float, height: float, *, round_: float = 0) -> None:
        """A rectangle; nothing where it would have no area."""
        if width > 0 and height > 0:
            self._add("rect", role, x=x, y=y, width=width, height=height, rx=round_)

    def hatched(self, x: float, y: float, width: float, height: float, *, round_: float = 0) -> None:
        """A rectangle that stands for "not enough yet": no colour, so it is taken for no value."""
        self._hatched = True
        self._add(
            "rect", "", x=x, y=y, width=width, height=height, rx=round_, fill=f"url(#{self.name}-hatch)"
        )
        self._add("rect", "edge", x=x, y=y, width=width, height=height, rx=round_)

    def line(self, role: str, x1: float, y1: float, x2: float, y2: float) -> None:
        self._add("line", role, x1=x1, y1=y1, x2=x2, y2=y2)

    def path(self, role: str, points: Sequence[tuple[float, float]], *, steps: bool = False) -> None:
        """A line through ``points``; with ``steps`` it stays level until the next point, as a count does."""
        if not points:
            return
        parts = [f"M{_short(points[0][0])} {_short(points[0][1])}"]
        for x, y in points[1:]:
            parts.append(f"H{_short(x)}V{_short(y)}" if steps else f"L{_short(x)} {_short(y)}")
        self._add("path", role, d="".join(parts))

    def area(self, role: str, points: Sequence[tuple[float, float]]) -> None:
        """What ``points`` enclose."""
        if points:
            corners = "L".join(f"{_short(x)} {_short(y)}" for x, y in points)
            self._add("path", role, d=f"M{corners}Z")

    def dot(self, role: str, x: float, y: float, radius: float) -> None:
        self._add("circle", role, cx=x, cy=y, r=radius)

    def text(
        self,
        role: str,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 13,
        anchor: str = "start",
        bold: bool = False,
        room: float | None = None,
    ) -> None:
        """``words`` with the base line at ``y``; cut with an ellipsis where they are wider than ``room``."""
        extra: dict[str, object] = {"font-size": size}
        if anchor != "start":
            extra["text-anchor"] = anchor
        if bold:
            extra["font-weight"] = 600
        if room is not None:
            words = fit(words, room, size, bold=bold)
        self._add("text", role, words, x=x, y=y, **extra)

    def svg(self, height: float, *, title: str, description: str) -> Markup:
        """The drawing, whole: an image with a name and a description for those who do not see it."""
        hatch = Markup()
        if self._hatched:
            hatch = Markup(
                '<defs><pattern id="{name}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
                'patternTransform="rotate(45)">{line}</pattern></defs>'
            ).format(name=self.name, line=Markup(_shape("line", "hatch", None, x1=0, y1=0, x2=0, y2=6)))  # noqa: S704
        drawn = Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}" width="{width}" '
            'height="{height}" role="img" aria-labelledby="{name}-title {name}-desc" font-family="{fonts}">'
            '<title id="{name}-title">{title}</title><desc id="{name}-desc">{description}</desc>{hatch}{shapes}</svg>'
        ).format(
            width=_short(self.width),
            height=_short(height),
            name=self.name,
            fonts=FONTS,
            title=title,
            description=description,
            hatch=hatch,
            shapes=Markup("".join(self._shapes)),  # noqa: S704  # as escaped as _shape makes them
        )
        return Markup(printable(drawn))  # noqa: S704  # as escaped as it was

    def _add(self, element: str, role: str, text: str | None = None, **attributes: object) -> None:
        self._shapes.append(_shape(element, role, text, **attributes))


def printable(markup: str) -> str:
    """``markup`` without the characters that neither XML nor HTML has: each becomes U+FFFD."""
    return _NEVER_IN_MARKUP.sub("\N{REPLACEMENT CHARACTER}", markup)


def _shape(element: str, role: str, text: str | None, **attributes: object) -> str:
    """Markup: each part is a number, escaped, or written here."""
    parts = [_opening(element, role)]
    for name, value in attributes.items():
        if isinstance(value, int | float):
            if value or name != "rx":
                parts.append(f' {name}="{_short(value)}"')
        else:
            parts.append(f' {name}="{escape(str(value))}"')
    parts.append("/>" if text is None else f">{escape(text)}</{element}>")
    return "".join(parts)


@cache
def _opening(element: str, role: str) -> str:
    """The element's name, its class, and its colours on paper."""
    looks = {"class": f"c-{role}", **ROLES[role].light} if role else {}
    return f"<{element}" + "".join(f' {name}="{value}"' for name, value in looks.items())


def _short(value: float) -> str:
    """A number for an attribute: no more than two decimals, none that say nothing."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def text_width(words: str, size: float, *, bold: bool = False) -> float:
    """About how wide ``words`` will be, in CSS pixels; rather too wide than too narrow."""
    ems = sum(_WIDTHS.get(letter, 0.70 if letter.isupper() else 0.58) for letter in words)
    return ems * size * (1.1 if bold else 1.04)


def fit(words: str, room: float, size: float, *, bold: bool = False) -> str:
    """``words``, or their beginning and an ellipsis, no wider than ``room``."""
    if text_width(words, size, bold=bold) <= room + 0.01:  # rounding
        return words
    while words and text_width(words + "…", size, bold=bold) > room:
        words = words[:-1]
    return words.rstrip(" ,;-–(") + "…"


#: Widths in em, after Arial's own metrics; other letters are about 0.58, capitals about 0.70.
_WIDTHS: Mapping[str, float] = MappingProxyType(
    dict.fromkeys("ijlıįī|'’", 0.23)
    | dict.fromkeys(" .,:;!/()[]ftrIÍ-·\N{NO-BREAK SPACE}", 0.31)
    | dict.fromkeys("\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}", 0.20)
    | dict.fromkeys("ckszxvyJčšžśźżçćý", 0.50)
    | dict.fromkeys("0123456789", 0.556)
    | dict.fromkeys("mwMWшщжюыфмШЩЖЮЫФМЉЊ", 0.86)
    | dict.fromkeys("%…—", 0.95)
)
