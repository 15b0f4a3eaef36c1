"""An organisation's own colour in the layout, readable in light and in dark mode."""

from __future__ import annotations

#: The accent of the layout (base.css), and what it is in dark mode.
ACCENT = "#1f4aa8"
DARK_ACCENTS = ("#9dbcf8", "#8fb2f5")
_PAPER = "#ffffff"
_NIGHT = "#1e2229"
_INK_AT_NIGHT = "#10182a"  # of a button's words

#: What contrast of text and ground has to be (WCAG 2.2, 1.4.3, level AA).
ENOUGH = 4.5


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours written as "#1f4aa8": 1 to 21 (WCAG 2.2, relative luminance)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def is_readable(colour: str) -> bool:
    """Whether white words on ``colour``, and words of it on white, can be read."""
    return contrast(colour, _PAPER) >= ENOUGH


def at_night(colour: str) -> str:
    """``colour`` mixed with as little white as it takes to be read on the dark ground, and under dark words."""
    for step in range(21):
        mixed = _mixed(colour, step / 20)
        if min(contrast(mixed, _NIGHT), contrast(mixed, _INK_AT_NIGHT)) >= ENOUGH + 0.5:
            return mixed
    return _PAPER


def accented(css: str, colour: str) -> str:
    """``css`` of the layout with ``colour`` as its accent; as it is where ``colour`` is empty."""
    if not colour:
        return css
    for dark in DARK_ACCENTS:
        css = css.replace(dark, at_night(colour))
    return css.replace(ACCENT, colour.lower())


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mixed(colour: str, white: float) -> str:
    return "#" + "".join(f"{round(channel + (255 - channel) * white):02x}" for channel in _channels(colour))
