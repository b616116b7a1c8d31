"""A graph in the language of Mermaid, which GitHub and many editors draw.

https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions.cli.drawing.graph import Graph, Kind, Node

_SHAPES: Mapping[Kind, tuple[str, str]] = {
    "start": ("((", "))"),
    "task": ("[", "]"),
    "choice": ("{", "}"),
    "wait": ("([", "])"),
    "pass": ("[/", "/]"),
    "each": ("{{", "}}"),
    "errors": ("[\\", "\\]"),
    "good": ("(((", ")))"),
    "bad": ("(((", ")))"),
}
_ESCAPED = str.maketrans({'"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "#": "#35;"})


def mermaid(graph: Graph) -> str:
    """The flow chart, top to bottom."""
    ids = {node.name: f"s{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart TD"]
    lines += [f"  {ids[node.name]}{_box(node)}" for node in graph.nodes]
    for edge in graph.edges:
        arrow = "-.->" if edge.is_error else "-->"
        label = f'|"{edge.label.translate(_ESCAPED)}"|' if edge.label else ""
        lines.append(f"  {ids[edge.source]} {arrow}{label} {ids[edge.target]}")
    lines += ["  classDef good stroke:#2e7d32,stroke-width:2px", "  classDef bad stroke:#c62828,stroke-width:2px"]
    for kind in ("good", "bad"):
        if found := [ids[node.name] for node in graph.nodes if node.kind == kind]:
            lines.append(f"  class {','.join(found)} {kind}")
    return "\n".join(lines) + "\n"


def _box(node: Node) -> str:
    begin, end = _SHAPES[node.kind]
    texts = [text.translate(_ESCAPED) for text in (node.name, node.note) if text]
    return f'{begin}"{"<br/>".join(texts)}"{end}'
