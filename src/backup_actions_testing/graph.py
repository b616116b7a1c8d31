"""A workflow as a graph: which state leads to which, and what lies on every path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backup_actions.contract.workflow import State

ENDS_UNNOTICED = "an error that nothing catches"
"""Where a state leads, too, that can fail and does not catch everything."""

_CAN_FAIL = frozenset({"Task", "Map", "Parallel"})


@dataclass(frozen=True, slots=True)
class Scope:
    """The states of one ``States``: of the machine, of a Map's processor or of a branch of a Parallel."""

    states: Mapping[str, State]
    start: str
    is_inner: bool

    def edges(self) -> dict[str, frozenset[str]]:
        """State → the states that it may lead to, by Next, Default, a choice or a Catch."""
        return {name: frozenset(targets_of(state)) for name, state in self.states.items()}


def scopes_of(document: Mapping[str, Any], *, is_inner: bool = False) -> Iterator[Scope]:
    """The machine's own scope first, then those inside of its states."""
    yield Scope(document["States"], document["StartAt"], is_inner)
    for state in document["States"].values():
        for inner in inner_machines(state):
            yield from scopes_of(inner, is_inner=True)


def inner_machines(state: State) -> Iterator[Mapping[str, Any]]:
    """The processor of a Map, the branches of a Parallel."""
    if "ItemProcessor" in state:
        yield state["ItemProcessor"]
    yield from state.get("Branches", ())


def parts_of(state: State) -> Iterator[Mapping[str, Any]]:
    """The state itself, its choices and its catchers: what may lead on and may assign."""
    yield state
    yield from state.get("Choices", ())
    yield from state.get("Catch", ())


def targets_of(state: State) -> Iterator[str]:
    """The states that this one names as the next."""
    for part in parts_of(state):
        yield from (str(part[field]) for field in ("Next", "Default") if field in part)


def catches_everything(state: State) -> bool:
    """Whether no error of the state ends the machine."""
    return state["Type"] not in _CAN_FAIL or any("States.ALL" in each["ErrorEquals"] for each in state.get("Catch", ()))


def reached_from(
    start: str, edges: Mapping[str, Iterable[str]], *, but: Callable[[str], bool] | None = None
) -> set[str]:
    """What can be reached from a state, itself included; not past those of which ``but`` is true."""
    reached, ahead = set[str](), [start]
    while ahead:
        name = ahead.pop()
        if name in reached:
            continue
        reached.add(name)
        if but is None or not but(name):
            ahead.extend(edges.get(name, ()))
    return reached


def loops_of(edges: Mapping[str, Iterable[str]]) -> Iterator[frozenset[str]]:
    """The strongly connected sets of states in which one can go round, each once."""
    reach = {name: _beyond(name, edges) for name in edges}
    seen = set[str]()
    for name in edges:
        if name not in seen and name in reach[name]:
            loop = frozenset(other for other in reach[name] if name in reach.get(other, ()))
            seen |= loop
            yield loop


def _beyond(name: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    return set[str]().union(*(reached_from(target, edges) for target in edges[name]))


def way_round(loop: frozenset[str], edges: Mapping[str, Iterable[str]]) -> list[str]:
    """The shortest way from the first state of a loop back to it, for people."""
    start = min(loop)
    ways = [[start]]
    seen = set[str]()
    while ways:
        way = ways.pop(0)
        for target in sorted(set(edges[way[-1]]) & loop):
            if target == start:
                return [*way, start]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return sorted(loop)
