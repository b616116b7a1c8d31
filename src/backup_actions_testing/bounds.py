"""Every wait and every loop of a workflow ends: each task has its timeout, each loop counts its rounds.

A run may last a year and holds 25,000 events: a loop without a bound of its own ends by one of these.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from backup_actions.contract import Action, Machine
from backup_actions.contract.workflow import State
from backup_actions_testing.graph import Scope, loops_of, parts_of, scopes_of, way_round

_REMEDY = (
    "count the rounds in an Assign ({% $polls + 1 %}) and leave by a Choice that compares the count "
    "({% $polls >= 60 %}) or the time ({% $millis() - $since > 3600000 %})"
)
_LONGEST_SECONDS = 691_200
"""What the main machine waits for an action: 8 days."""
_PACED_SECONDS = 300
"""A week of such waits is 2,000 rounds: even ten events each are far from an execution's 25,000."""


def complaints_about_bounds(machine: Machine) -> Iterator[str]:
    """What of the workflow may go on without end."""
    document = machine.workflow.document()
    seconds = document.get("TimeoutSeconds")
    if not isinstance(seconds, int) or (isinstance(machine, Action) and not 0 < seconds < _LONGEST_SECONDS):
        yield (
            f"the machine: TimeoutSeconds is {seconds}; write a number of seconds below {_LONGEST_SECONDS}, "
            "after which the main machine waits no longer"
        )
    for name, state in machine.workflow.states():
        if state["Type"] == "Task" and "TimeoutSeconds" not in state:
            yield f"{name}: it has no TimeoutSeconds, and AWS's default is a year; write how long the call may take"
    for scope in scopes_of(document):
        yield from _endless(scope, scope.edges())


def _endless(scope: Scope, edges: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """The loops that nothing bounds; what is bounded is opened where it is counted, and looked into."""
    for loop in loops_of(edges):
        within = {name: edges[name] & loop for name in loop}
        opened = _opened(scope, within)
        if opened is None:
            yield f"{' → '.join(way_round(loop, within))}: nothing bounds this loop; {_REMEDY}"
        else:
            yield from _endless(scope, opened)


def _opened(scope: Scope, loop: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]] | None:
    """The loop without what cannot happen for ever; None where everything can."""
    states = {name: scope.states[name] for name in loop}
    if long := {name for name, state in states.items() if _waits_long(state)}:
        return _without(loop, long)
    for variable in _variables(states):
        counting = {name for name, state in states.items() if _counts(state, variable)}
        reset = any(_sets_otherwise(state, variable) for state in states.values())
        if counting and not reset and any(_compares(state, variable) for state in states.values()):
            return _without(loop, counting)
        if paced := {name for name, state in states.items() if counting and _is_paced(state, variable)}:
            return _without(loop, paced)
    if timed := {name for name, state in states.items() if _looks_at_the_clock(state, states)}:
        return _without(loop, timed)
    if found := next(((door, target) for door, target in _doors(states) if target in loop[door]), None):
        door, target = found
        return {name: targets - {target} if name == door else targets for name, targets in loop.items()}
    return None


def _without(loop: Mapping[str, frozenset[str]], names: set[str]) -> dict[str, frozenset[str]]:
    return {name: targets - names for name, targets in loop.items() if name not in names}


def _variables(states: Mapping[str, State]) -> list[str]:
    return sorted({variable for state in states.values() for assign in _assigns(state) for variable in assign})


def _assigns(state: State) -> Iterator[Mapping[str, Any]]:
    yield from (part["Assign"] for part in parts_of(state) if isinstance(part.get("Assign"), dict))


def _counts(state: State, variable: str) -> bool:
    return any(_is_count(assign.get(variable), variable) for assign in _assigns(state))


def _is_count(value: object, variable: str) -> bool:
    return isinstance(value, str) and re.search(rf"\${variable}\s*\+\s*[1-9]", value) is not None


def _sets_otherwise(state: State, variable: str) -> bool:
    return any(variable in assign and not _is_count(assign[variable], variable) for assign in _assigns(state))


def _conditions(state: State) -> list[str]:
    return [str(choice["Condition"]) for choice in state.get("Choices", ())]


def _compares(state: State, variable: str) -> bool:
    """Whether a choice ends by what the variable has come to."""
    return any(re.search(rf"\${variable}(\s*[-+*]\s*\d+)?\s*[<>]", condition) for condition in _conditions(state))


def _waits_long(state: State) -> bool:
    seconds = state.get("Seconds")
    return isinstance(seconds, int) and seconds >= _PACED_SECONDS


def _is_paced(state: State, variable: str) -> bool:
    """Whether it waits longer every time, and then so long that the machine's own timeout is a bound as good as any."""
    growing = re.search(rf"\$min\(\[(\d+),.*\${variable}\b", str(state.get("Seconds", "")))
    return growing is not None and int(growing[1]) >= _PACED_SECONDS


def _looks_at_the_clock(state: State, loop: Mapping[str, State]) -> bool:
    """Whether a choice ends by the time since something before the loop."""
    asked = {name for text in _conditions(state) for name in re.findall(r"\$millis\(\) - \$(\w+)\s*>", text)}
    return any(not any(_sets_otherwise(other, name) for other in loop.values()) for name in asked)


def _doors(loop: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    """Choices that lead on while a variable has a value, to a state that gives it another for good."""
    for name in sorted(loop):
        choices = loop[name].get("Choices", ())
        ways = [str(choice["Next"]) for choice in choices] + [str(loop[name].get("Default"))]
        for choice in choices:
            target = str(choice["Next"])
            asked = re.findall(r"\$(\w+) = ('[^']*'|true|false)", str(choice["Condition"]))
            if target in loop and ways.count(target) == 1 and any(_shuts(loop, target, *each) for each in asked):
                yield name, target


def _shuts(loop: Mapping[str, State], target: str, variable: str, value: str) -> bool:
    """Whether the state assigns something else, and no state of the loop assigns that value again."""
    texts = {
        name: [json.dumps(assign[variable]).replace('"', "'") for assign in _assigns(state) if variable in assign]
        for name, state in loop.items()
    }
    return bool(texts[target]) and not any(
        text == value or "{%" in text for assigned in texts.values() for text in assigned
    )
