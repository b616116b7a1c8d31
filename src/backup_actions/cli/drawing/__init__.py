"""Drawings of workflows, made from their text: for a page (Mermaid) and for a file (SVG)."""

from backup_actions.cli.drawing.graph import Edge, Graph, Node, graph_of
from backup_actions.cli.drawing.mermaid import mermaid
from backup_actions.cli.drawing.svg import svg

__all__ = ["Edge", "Graph", "Node", "graph_of", "mermaid", "svg"]
