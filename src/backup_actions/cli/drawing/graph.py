"""A workflow as boxes and arrows. What is left out: retries, and what is too long to be read on an arrow."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from backup_actions.contract import Machine

Kind = Literal["start", "task", "choice", "wait", "pass", "each", "errors", "good", "bad"]

_KINDS: Mapping[str, Kind] = {
    "Task": "task",
    "Choice": "choice",
    "Wait": "wait",
    "Pass": "pass",
    "Map": "each",
    "Parallel": "each",
    "Succeed": "good",
    "Fail": "bad",
}
_LONGEST_LABEL = 44
_ERRORS_DRAWN_SINGLY = 2
"""More arrows than that to one state say the same as one, and hide everything else."""


@dataclass(frozen=True, slots=True)
class Node:
    """A state, the start, or the place where the errors of many states meet."""

    name: str
    kind: Kind
    note: str = ""
    """What a task calls, how long a wait is."""


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from one node to another, by their names."""

    source: str
    target: str
    label: str = ""
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """In the order of the workflow's text, which reads from the beginning to the end."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(machine: Machine) -> Graph:
    """The machine's workflow; what is inside of a Map or a Parallel stands between it and what follows it."""
    document = machine.workflow.document()
    nodes = [Node("start", "start"), *_nodes(document)]
    edges = [Edge("start", document["StartAt"]), *_edges(document, ())]
    gathered, meeting = _gathered(edges)
    first = {edge.source: edge.target for edge in gathered}
    for node in meeting:
        nodes.insert([each.name for each in nodes].index(first[node.name]), node)
    return Graph(tuple(nodes), tuple(gathered))


def _nodes(scope: Mapping[str, Any]) -> Iterator[Node]:
    for name, state in scope["States"].items():
        yield Node(name, _KINDS[state["Type"]], _note(state))
        for inner in _inner(state):
            yield from _nodes(inner)


def _inner(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    processor = [state["ItemProcessor"]] if "ItemProcessor" in state else []
    return [*processor, *state.get("Branches", ())]


def _note(state: Mapping[str, Any]) -> str:
    if state["Type"] == "Wait":
        seconds = state.get("Seconds")
        return f"{seconds} s" if isinstance(seconds, int) else ""
    if state["Type"] != "Task":
        return ""
    resource = str(state["Resource"]).partition(":states:::")[2].removeprefix("aws-sdk:")
    function = re.search(r"\$\{Function_(\w+)\}", str(state.get("Arguments", {})))
    return f"function {function[1].replace('_', '-')}" if function else resource


def _edges(scope: Mapping[str, Any], then: tuple[str, ...]) -> Iterator[Edge]:
    """``then``: where it goes on when the scope has ended, for what is inside of a state."""
    for name, state in scope["States"].items():
        following = (str(state["Next"]),) if "Next" in state else then if state.get("End") else ()
        inner = _inner(state)
        for machine in inner:
            yield Edge(name, str(machine["StartAt"]), "each")
            yield from _edges(machine, following)
        if not inner:
            yield from (Edge(name, target) for target in following)
        for choice in state.get("Choices", ()):
            yield Edge(name, str(choice["Next"]), _condition(choice))
        if "Default" in state:
            yield Edge(name, str(state["Default"]), "otherwise")
        for each in state.get("Catch", ()):
            yield Edge(name, str(each["Next"]), _errors(each["ErrorEquals"]), is_error=True)


def _errors(caught: list[str]) -> str:
    names = [error.rpartition(".")[2] for error in caught if error != "States.ALL"] or ["any error"]
    whole = ", ".join(names)
    return whole if len(whole) <= _LONGEST_LABEL or len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _condition(choice: Mapping[str, Any]) -> str:
    text = str(choice["Condition"]).strip().removeprefix("{%").removesuffix("%}").strip()
    return text if len(text) <= _LONGEST_LABEL else ""


def _gathered(edges: list[Edge]) -> tuple[list[Edge], list[Node]]:
    """Where the same errors of many states lead to one state, they meet first, and one arrow stands for all."""
    alike = defaultdict[tuple[str, str], list[str]](list)
    for edge in edges:
        if edge.is_error:
            alike[edge.target, edge.label].append(edge.source)
    many = {key: sources for key, sources in alike.items() if len(sources) > _ERRORS_DRAWN_SINGLY}
    kept = [edge for edge in edges if not edge.is_error or (edge.target, edge.label) not in many]
    meeting = {key: Node(f"{key[1]}, to {key[0]}", "errors", f"in {len(many[key])} states") for key in many}
    return [*kept, *(Edge(node.name, key[0], is_error=True) for key, node in meeting.items())], [*meeting.values()]
