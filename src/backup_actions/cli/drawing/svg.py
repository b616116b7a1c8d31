"""A graph as an SVG of its own: no program, no font and no page is needed to look at it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from backup_actions.cli.drawing.labels import Point, placed
from backup_actions.cli.drawing.layout import Layout, laid_out

if TYPE_CHECKING:
    from backup_actions.cli.drawing.graph import Edge, Graph, Node

_ROW, _HEIGHT, _MARGIN = 96.0, 40.0, 24.0
_LETTER = 7.2
_STYLE = """
  svg { color-scheme: light dark; background: light-dark(#fff, #16181d); font: 12px system-ui, sans-serif }
  text { fill: light-dark(#1b1f24, #e6e8eb); text-anchor: middle; dominant-baseline: central }
  .note, .label { fill: light-dark(#57606a, #9aa4af); font-size: 10px }
  .label { paint-order: stroke; stroke: light-dark(#fff, #16181d); stroke-width: 4px }
  .box { fill: light-dark(#f6f8fa, #22262d); stroke: light-dark(#57606a, #9aa4af) }
  .choice { fill: light-dark(#fff8e1, #3a3320) } .wait { fill: light-dark(#e8f1fb, #1f2c3b) }
  .each { fill: light-dark(#f0e9fb, #2d2440) } .errors { stroke-dasharray: 4 3 }
  .good { stroke: #2e7d32; stroke-width: 2px } .bad { stroke: #c62828; stroke-width: 2px }
  path { fill: none; stroke: light-dark(#57606a, #9aa4af) } .error { stroke: #c62828; stroke-dasharray: 4 3 }
  #arrow path { fill: light-dark(#57606a, #9aa4af); stroke: none }
"""


def svg(graph: Graph, *, title: str) -> str:
    """The drawing, top to bottom; ``title`` is what it is called for who does not see it."""
    numbers = {node.name: number for number, node in enumerate(graph.nodes)}
    widths = [_width(node) for node in graph.nodes]
    layout = laid_out(widths, [(numbers[edge.source], numbers[edge.target]) for edge in graph.edges])
    ways = [_points(way, layout) for way in layout.ways]
    labels = placed([(edge.label, way[0], way[1]) for edge, way in zip(graph.edges, ways, strict=True) if edge.label])
    extents = [(layout.middles[number], width) for number, width in enumerate(widths)]
    extents += [(label.x, label.width) for label in labels] + [(x, 0.0) for way in ways for x, _ in way]
    left = min(x - width / 2 for x, width in extents) - _MARGIN
    right = max(x + width / 2 for x, width in extents) + _MARGIN
    height = layout.row_count * _ROW + _MARGIN
    box = f"{left:.0f} 0 {right - left:.0f} {height:.0f}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{right - left:.0f}" height="{height:.0f}"'
        f' role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z"/></marker></defs>',
        *(_arrow(edge, way) for edge, way in zip(graph.edges, ways, strict=True)),
        *(line for number, node in enumerate(graph.nodes) for line in _box(node, widths[number], number, layout)),
        *(f'<text class="label" x="{each.x:.1f}" y="{each.y:.1f}">{escape(each.text)}</text>' for each in labels),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _width(node: Node) -> float:
    return max(64.0, _LETTER * max(len(node.name), len(node.note) * 0.85) + 20)


def _y(layout: Layout, number: int) -> float:
    return layout.rows[number] * _ROW + _MARGIN + _HEIGHT / 2


def _box(node: Node, width: float, number: int, layout: Layout) -> Iterator[str]:
    x, y = layout.middles[number], _y(layout, number)
    rounding = {"start": 20, "wait": 20, "good": 20, "bad": 20, "choice": 2, "errors": 2}.get(node.kind, 6)
    yield (
        f'<rect class="box {node.kind}" x="{x - width / 2:.1f}" y="{y - _HEIGHT / 2:.1f}" width="{width:.1f}"'
        f' height="{_HEIGHT:.0f}" rx="{rounding}"/>'
    )
    yield f'<text x="{x:.1f}" y="{y - (7 if node.note else 0):.1f}">{escape(node.name)}</text>'
    if node.note:
        yield f'<text class="note" x="{x:.1f}" y="{y + 9:.1f}">{escape(node.note)}</text>'


def _points(way: Sequence[int], layout: Layout) -> list[Point]:
    """From one box's edge to the other's. Through the rows between them it leads straight, beside their boxes."""
    half = _HEIGHT / 2 if layout.rows[way[-1]] > layout.rows[way[0]] else -_HEIGHT / 2
    middles = [(layout.middles[number], _y(layout, number)) for number in way]
    return [point for x, y in middles for point in ((x, y - half), (x, y + half))][1:-1]


def _arrow(edge: Edge, points: Sequence[Point]) -> str:
    kind = ' class="error"' if edge.is_error else ""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for number, ((x, y), (to_x, to_y)) in enumerate(itertools.pairwise(points)):
        bend = (to_y - y) / 2
        path += (
            f" V{to_y:.1f}"
            if number % 2
            else f" C{x:.1f} {y + bend:.1f} {to_x:.1f} {to_y - bend:.1f} {to_x:.1f} {to_y:.1f}"
        )
    return f'<path{kind} d="{path}" marker-end="url(#arrow)"/>'
