"""Where the words on arrows stand: on their arrows, in the gap between two rows, and not on each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 12.0
_LETTER, _AIR = 5.7, 4.0
_DEPTHS = (24.0, 37.0, 11.0, 49.0)
"""So far from the box that the arrow leaves: four lines of words have room between two rows."""
_ASIDE = (0.0, -0.25, 0.25, -0.5, 0.5)
"""In widths of the words: they still touch their arrow."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Label:
    """Words and their middle."""

    text: str
    x: float
    y: float

    @property
    def width(self) -> float:
        """About what the words take."""
        return len(self.text) * _LETTER

    def is_on(self, other: Label) -> bool:
        """Whether one hides a part of the other."""
        beside = abs(self.x - other.x) >= (self.width + other.width) / 2 + _AIR
        return not beside and abs(self.y - other.y) < HEIGHT


def placed(wanted: Sequence[tuple[str, Point, Point]]) -> list[Label]:
    """A place for each text near the beginning of its arrow's first stretch, whose two ends are given.

    Where there is no room on the arrow, it stands as near to it as there is.
    """
    found: list[Label] = []
    for text, begin, end in wanted:
        every = (_at(text, begin, end, depth, aside) for depth, aside in _places())
        free = (label for label in every if not any(label.is_on(other) for other in found))
        found.append(next(free))
    return found


def _places() -> itertools.chain[tuple[float, float]]:
    on_it = itertools.product(_DEPTHS, _ASIDE)
    beside_it = ((depth, step / 4 * side) for step in itertools.count(3) for depth in _DEPTHS for side in (-1, 1))
    return itertools.chain(on_it, beside_it)


def _at(text: str, begin: Point, end: Point, depth: float, aside: float) -> Label:
    (x, y), (to_x, to_y) = begin, end
    down = 1.0 if to_y > y else -1.0
    part = min(1.0, depth / abs(to_y - y)) if to_y != y else 0.0
    t = _time_at(part)
    label = Label(text, x + (to_x - x) * (3 * t * t * (1 - t) + t**3), y + down * depth)
    return Label(text, label.x + aside * label.width, label.y)


def _time_at(part: float) -> float:
    """The curve's parameter where it has come that part of its way down: its handles are half of it long."""
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if 1.5 * middle * (1 - middle) + middle**3 < part else (low, middle)
    return low
