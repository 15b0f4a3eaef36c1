"""From values to places: round ticks and straight scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from ``0 .. most`` to ``start .. end``, in CSS pixels; ``end`` may lie below ``start``."""

    most: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (self.end - self.start) * (value / self.most if self.most else 0)


def ticks(most: float, about: int = 4) -> list[float]:
    """Round values from 0 to the first that is not below ``most``, in about so many steps of 1, 2, 5 or 25."""
    if most <= 0:
        return [0.0, 1.0]
    step = _round_step(most / about)
    return [number * step for number in range(ceil(most / step - 1e-9) + 1)]


def whole_ticks(most: int, about: int, multiple: int) -> list[int]:
    """Multiples of ``multiple`` (7: weeks) up to ``most``, no more than about ``about`` of them."""
    step = multiple
    while most / step > about:
        step *= 2
    return list(range(0, most + 1, step))


def classes(values: Sequence[float], number: int) -> list[float]:
    """The upper ends of at most ``number`` classes of equal width with round ends, from 0; the last end is not
    below the greatest value. None without values."""
    if not values:
        return []
    most = max(values)
    if most <= 0:
        return [1.0]
    step = _fine_step(most / number)
    return [step * one for one in range(1, ceil(most / step - 1e-9) + 1)][:number]


def class_of(value: float, ends: Sequence[float]) -> int:
    """The number of the class that ``value`` falls in; its upper end belongs to the next, but for the last."""
    for number, end in enumerate(ends):
        if value < end:
            return number
    return len(ends) - 1


def _round_step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough))
    steps = (1, 2, 2.5, 5, 10) if power >= 10 else (1, 2, 5, 10)
    return next(power * step for step in steps if power * step >= rough * (1 - 1e-9))


def _fine_step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough))
    return next(
        power * step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if power * step >= rough * (1 - 1e-9)
    )
