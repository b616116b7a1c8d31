"""Where the boxes of a graph stand: in rows, each below what leads to it, with few arrows that cross.

The steps are those of Sugiyama: an arrow to an earlier box is turned round, rows are assigned, long arrows are given a
place in each row that they pass, rows are ordered by the middle of their neighbours, and places chosen near those.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 12
_GAP = 28.0
_PASSING_WIDTH = 12.0

Arrow = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """Middle of each box from left to right, its row, and for each arrow the boxes and places that it passes."""

    middles: Mapping[int, float]
    rows: Mapping[int, int]
    ways: Sequence[Sequence[int]]

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return max(self.rows.values()) + 1


def laid_out(widths: Sequence[float], arrows: Sequence[Arrow]) -> Layout:
    """A place for each box. An arrow to an earlier box leads back up; all others lead down."""
    forward = [(min(arrow), max(arrow)) for arrow in arrows]
    rows = _rows(len(widths), forward)
    every = list(widths)
    ways = []
    for arrow, (upper, lower) in zip(arrows, forward, strict=True):
        passed = [upper]
        for row in range(rows[upper] + 1, rows[lower]):
            rows[len(every)] = row
            passed.append(len(every))
            every.append(_PASSING_WIDTH)
        passed.append(lower)
        ways.append(passed if (upper, lower) == arrow else passed[::-1])
    above, below = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for way in ways:
        for one, other in itertools.pairwise(way):
            if rows[one] != rows[other]:
                upper, lower = sorted((one, other), key=rows.__getitem__)
                below[upper].append(lower)
                above[lower].append(upper)
    return Layout(_middles(_ordered(rows, above, below), every, above, below), rows, ways)


def _rows(count: int, forward: Sequence[Arrow]) -> dict[int, int]:
    """The longest way from a box that nothing leads to; such a box itself stands right above what it leads to."""
    rows = dict.fromkeys(range(count), 0)
    for source, target in sorted(forward):  # whatever leads to the source has been looked at
        if source != target:
            rows[target] = max(rows[target], rows[source] + 1)
    reached, sources = {target for _, target in forward}, {source for source, _ in forward}
    for box in sources - reached - {0}:
        rows[box] = min(rows[target] for source, target in forward if source == box) - 1
    return rows


def _ordered(
    rows: Mapping[int, int], above: Mapping[int, list[int]], below: Mapping[int, list[int]]
) -> list[list[int]]:
    ordered: list[list[int]] = [[] for _ in range(max(rows.values()) + 1)]
    for box, row in rows.items():
        ordered[row].append(box)
    for sweep in range(_SWEEPS):
        near, order = (above, ordered) if sweep % 2 == 0 else (below, ordered[::-1])
        for boxes in order:
            place = {box: float(number) for each in ordered for number, box in enumerate(each)}
            wanted = {box: _mean([place[other] for other in near.get(box, ())], place[box]) for box in boxes}
            boxes.sort(key=wanted.__getitem__)
    return ordered


def _middles(
    ordered: Sequence[Sequence[int]],
    widths: Sequence[float],
    above: Mapping[int, list[int]],
    below: Mapping[int, list[int]],
) -> dict[int, float]:
    middles: dict[int, float] = {}
    for row in ordered:
        _place(row, widths, dict.fromkeys(row, 0.0), middles)
    for sweep in range(_SWEEPS):
        near, order = (above, ordered) if sweep % 2 == 0 else (below, ordered[::-1])
        for row in order:
            wanted = {box: _mean([middles[other] for other in near.get(box, ())], middles[box]) for box in row}
            _place(row, widths, wanted, middles)
    return middles


def _place(row: Sequence[int], widths: Sequence[float], wanted: Mapping[int, float], middles: dict[int, float]) -> None:
    """Each as near to where it wants to be as those beside it allow; then the row as a whole where it wants to be."""
    right = float("-inf")
    for box in row:
        middle = max(wanted[box], right + _GAP + widths[box] / 2)
        right = middle + widths[box] / 2
        middles[box] = middle
    shift = _mean([wanted[box] - middles[box] for box in row], 0.0)
    for box in row:
        middles[box] += shift


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
