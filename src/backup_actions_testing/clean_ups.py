"""What a workflow makes is removed on every path: success, failure, and after the run was cut short.

Made things are found again by their tags, not by what an execution remembers: an answer may be lost, and after a
time-out or an abort another execution of the same machine cleans up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from backup_actions.contract import Machine
from backup_actions.contract.placeholders import FUNCTION_PREFIX, placeholder_of
from backup_actions.contract.workflow import State, states_of
from backup_actions_local.states.api_names import service_model
from backup_actions_testing.called_apis import ApiCall
from backup_actions_testing.calls import api_calls, apis_of
from backup_actions_testing.graph import Scope, catches_everything, inner_machines, reached_from, scopes_of

_MAKES = re.compile(r"(Allocate|Copy|Create|Export|Import|Launch|Restore|Run|Start|Submit)(?=[A-Z])")
_REMOVES = re.compile(r"(Abort|Cancel|Delete(?!Item)|Deregister|Release|Stop|Terminate)(?=[A-Z])")
_OF_NO_CONCERN = frozenset({"events", "kms", "lambda", "s3", "sns", "sqs", "stepfunctions"})
"""Objects are looked at after runs; grants and executions end by themselves."""
_OWN_REMOVAL = re.compile(r"(Allocate|Create|Run|Submit)[A-Z]")
"""What these make is removed through the same service; a restore or an export may become something of another.

So is what a service has a removal for by the same name: ``StopSearchJob`` for ``StartSearchJob``.
"""
_TAGS = frozenset({"Tags", "TagList", "TagSpecifications", "tags"})
_RUN_TAG = "backup-actions:run"


@dataclass(frozen=True, slots=True)
class _Steps:
    """The machine's own states, and what each of them calls, with what is inside of it."""

    scope: Scope
    calls: Mapping[str, frozenset[ApiCall]]

    def makes(self) -> Iterator[tuple[str, ApiCall]]:
        for name, calls in self.calls.items():
            made = [call for call in calls if _MAKES.match(call.operation) and call.service not in _OF_NO_CONCERN]
            yield from ((name, call) for call in sorted(made))

    def removers_of(self, made: ApiCall) -> frozenset[str]:
        own = _OWN_REMOVAL.match(made.operation) is not None or _has_removal_of_its_own(made)
        return frozenset(
            name
            for name, calls in self.calls.items()
            if any(_removes(call) and (not own or call.service == made.service) for call in calls)
        )


def _has_removal_of_its_own(made: ApiCall) -> bool:
    noun = _MAKES.sub("", made.operation, count=1)
    return any(
        _REMOVES.match(name) and _REMOVES.sub("", name, count=1) == noun
        for name in service_model(made.service).operation_names
    )


def _removes(call: ApiCall) -> bool:
    return call.service not in _OF_NO_CONCERN and _REMOVES.match(call.operation) is not None


def complaints_about_clean_up(machine: Machine, kept: Collection[str] = ()) -> Iterator[str]:
    """What the workflow makes and may leave behind; what the ``kept`` states make stays."""
    steps = _steps_of(machine)
    made = list(steps.makes())
    told = set[str]()
    for state, call in made:
        if state not in kept:
            told.update(_complaints_about_paths(steps, state, call))
    yield from sorted(told)
    yield from (f"{name}: it is kept, and makes nothing" for name in sorted(set(kept) - {state for state, _ in made}))
    yield from _untagged(machine)
    if made and "$states.input.detail" not in machine.workflow.path.read_text(encoding="utf-8"):
        yield (
            "the machine: after a run that timed out or was stopped it is started again with the event about that as "
            "its input; read the run's name from $states.input.detail.name then, and do nothing but clean up"
        )


def _steps_of(machine: Machine) -> _Steps:
    scope = next(scopes_of(machine.workflow.document()))
    direct = {call.state: api_calls(call) for call in machine.workflow.calls()}
    codes = {f"${{{placeholder_of(FUNCTION_PREFIX, name)}}}": task.code for name, task in machine.tasks.items()}

    def called_by(name: str, state: State) -> frozenset[ApiCall]:
        invoked = [codes[text] for text in codes if text in json.dumps(state.get("Arguments"))]
        inner = [called_by(*each) for machine in inner_machines(state) for each in states_of(machine)]
        return frozenset(direct.get(name, ())).union(*map(apis_of, invoked), *inner)

    return _Steps(scope, {name: called_by(name, state) for name, state in scope.states.items()})


def _complaints_about_paths(steps: _Steps, state: str, call: ApiCall) -> Iterator[str]:
    made, edges = f"{state} ({call.service}:{call.operation})", steps.scope.edges()
    removers = steps.removers_of(call)
    candidates = [name for name in _near_first(state, edges) if name != state and reached_from(name, edges) & removers]
    if not candidates:
        yield f"{made}: nothing removes what it makes; lead every path to states that find it by its tag and remove it"
        return
    ends = {name for name, each in steps.scope.states.items() if each.get("End") or each["Type"] in {"Succeed", "Fail"}}
    gate = next((each for each in candidates if not _around(state, each, edges) & ends), None)
    if gate is None:
        nearest = min(candidates, key=lambda each: len(_around(state, each, edges) & ends))
        way = " → ".join(_way(state, _around(state, nearest, edges) & ends, edges, but=nearest))
        yield f"{made}: {way} ends the run without the clean-up; lead it to {nearest}"
        return
    for name in sorted(_around(state, gate, edges) - {gate}):
        if not catches_everything(steps.scope.states[name]):
            yield (
                f"{name}: an error here ends the run, and what {made} makes is left behind; "
                f"add a Catch of States.ALL that leads to {gate}"
            )


def _around(start: str, gate: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    return reached_from(start, edges, but=lambda name: name == gate) - {gate}


def _near_first(start: str, edges: Mapping[str, Iterable[str]]) -> list[str]:
    found = [start]
    for name in found:
        found.extend(sorted(set(edges[name]) - set(found)))
    return found


def _way(start: str, ends: set[str], edges: Mapping[str, Iterable[str]], *, but: str) -> list[str]:
    """The shortest way from a state to one of the ends that does not pass the other."""
    ways = [[start]]
    seen = {start, but}
    while ways:
        way = ways.pop(0)
        if way[-1] in ends:
            return way
        for target in sorted(set(edges[way[-1]]) - seen):
            seen.add(target)
            ways.append([*way, target])
    return [start, *sorted(ends)]


def _untagged(machine: Machine) -> Iterator[str]:
    """Calls that make something, could tag it, and do not."""
    for call in machine.workflow.calls():
        for api in api_calls(call):
            shape = service_model(api.service).operation_model(api.operation).input_shape
            taggable = shape is not None and not _TAGS.isdisjoint(shape.members)
            if api.service in _OF_NO_CONCERN or not _MAKES.match(api.operation) or not taggable:
                continue
            written = json.dumps(call.arguments)
            for tag, what in (("${SecurityTagKey}", "${SecurityTagValue}"), (_RUN_TAG, "the run's name")):
                if tag not in written:
                    yield f"{call.state}: what it makes has no tag {tag} with {what}, by which it is found; add it"
