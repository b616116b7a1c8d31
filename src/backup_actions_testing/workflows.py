"""What a workflow says about APIs is true of botocore's models, and the embedded AWS can run it as AWS would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from backup_actions.contract import Machine
from backup_actions.contract.workflow import State
from backup_actions_local.states.api_names import OPTIMIZED, Sdk, aws_sdk, exception_name, member_name, service_model
from backup_actions_local.states.inspection import references
from backup_actions_local.states.integrations import AwsIntegrations
from backup_actions_local.states.shapes import Shape
from backup_actions_local.states.tokens import CALLBACK
from backup_actions_local.states.validation import mistakes_in

if TYPE_CHECKING:
    from botocore.model import OperationModel

_RESULT_OF = {"states:startExecution.sync:2": "DescribeExecution"}
"""An integration that waits answers with what it waited for."""

_JSON_TEXT = frozenset({"Blob", "SensitiveData"})
"""Shapes of Lambda's payload and of an execution's output, which Step Functions parses."""

_STATES_ERRORS = frozenset({"States.ALL", "States.TaskFailed", "States.Timeout"})
_MAKING = frozenset({"create", "submit", "start", "copy", "run"})


def complaints_about_workflow(machine: Machine) -> Iterator[str]:
    """Everything in the workflow file that AWS would refuse, or take for something else than was meant."""
    filled = machine.workflow.filled(lambda _: None, lambda name: "aws" if name == "Partition" else name)
    mistakes = mistakes_in(filled, AwsIntegrations(lambda _: nullcontext(), lambda _: True))
    yield from mistakes
    if not mistakes:  # the rest takes for granted that what is called exists
        for name, state, resource in tasks(machine):
            yield from (f"{name}: {complaint}" for complaint in _complaints_about_task(state, resource))
        yield from _complaints_about_waits(machine)


def tasks(machine: Machine) -> Iterator[tuple[str, State, str]]:
    """Task states with the resource that they call."""
    for name, state in machine.workflow.states():
        if state["Type"] == "Task":
            yield name, state, str(state["Resource"]).partition(":states:::")[2]


def sdk_and_operation(resource: str, *, result: bool = False) -> tuple[Sdk, OperationModel]:
    """The service and the operation of a Task's resource."""
    service, action = resource.removeprefix("aws-sdk:").split(":", 1)
    sdk = aws_sdk(service) if resource.startswith("aws-sdk:") else OPTIMIZED[service]
    assert sdk is not None  # noqa: S101 - what does not exist was told before
    name = _RESULT_OF.get(resource) if result else None
    model = service_model(sdk.botocore)
    wanted = name or action.partition(".")[0]
    (operation,) = [each for each in model.operation_names if each.lower() == wanted.lower()]
    return sdk, model.operation_model(operation)


def _complaints_about_task(state: State, resource: str) -> Iterator[str]:
    sdk, operation = sdk_and_operation(resource)
    arguments = state.get("Arguments") or {}
    if operation.input_shape is not None:
        if isinstance(arguments, str):
            yield from _unknown_members(arguments, operation.input_shape, resource)
        else:
            yield from _unknown_values(arguments, operation.input_shape)
    yield from _dead_paths(state, resource)
    yield from _impossible_errors(state, sdk, operation)
    verb = re.split(r"(?=[A-Z])", resource.rpartition(":")[2])[0]
    if (
        verb in _MAKING
        and "Retry" in state
        and not re.search("Token|(Instance|Cluster|Task)Identifier", json.dumps(arguments))
    ):
        yield (
            f"a repeated {resource} would make a second one: give it a token or a name of the run's own, "
            "or take Retry out and look before you call again"
        )


def _unknown_members(expression: str, shape: Shape, resource: str) -> Iterator[str]:
    """Names inside of an expression that makes all arguments."""
    known = {member for member, _ in _members(shape)}
    written = set(re.findall(r"'([A-Z]\w*)'\s*:", expression))
    yield from (f"{resource} has no member {name}" for name in sorted(written - known))


def _members(shape: Shape, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Shape]]:
    """Every member of a shape, at any depth, as a workflow writes it."""
    if shape.name in above:
        return
    if shape.type_name == "structure":
        for name, inner in shape.members.items():
            yield member_name(name), inner
            yield from _members(inner, (*above, shape.name))
    elif shape.type_name == "list":
        yield from _members(shape.member, (*above, shape.name))


def _unknown_values(value: Any, shape: Shape) -> Iterator[str]:
    match value:
        case dict() if shape.type_name == "structure":
            inner = {member_name(name): each for name, each in shape.members.items()}
            for name, each in value.items():
                yield from _unknown_values(each, inner[name])
        case list() if shape.type_name == "list":
            for each in value:
                yield from _unknown_values(each, shape.member)
        case str() if getattr(shape, "enum", None) and not value.startswith("{%") and value not in shape.enum:
            yield f"{value!r} is not among {', '.join(shape.enum)}"


def _dead_paths(state: State, resource: str) -> Iterator[str]:
    """Paths below ``$states.result``, in what the state assigns and puts out, that lead nowhere."""
    _, operation = sdk_and_operation(resource, result=True)
    for path in sorted(result_paths(state)):
        if operation.output_shape is None or not leads_somewhere(path, operation.output_shape):
            yield f"the result of {resource} has no {'.'.join(path)}"


def result_paths(state: State) -> set[tuple[str, ...]]:
    """The paths below ``$states.result`` in what the state assigns and puts out."""
    kept: Mapping[str, Any] = {key: value for key, value in state.items() if key in {"Assign", "Output"}}
    expressions = [text for text in _texts(kept) if text.startswith("{%")]
    found = [references(text.removeprefix("{%").removesuffix("%}").strip()) for text in expressions]
    return {path[1:] for each in found for path in each.states_paths if path[:1] == ("result",)}


def leads_somewhere(path: tuple[str, ...], shape: Shape) -> bool:
    """Whether a path reaches a member; a list is passed through to its elements, JSON text hides what is in it."""
    for name in path:
        while shape.type_name == "list":
            shape = shape.member
        if shape.type_name != "structure":
            return shape.name in _JSON_TEXT
        inner = {member_name(each): member for each, member in shape.members.items()}
        if name not in inner:
            return False
        shape = inner[name]
    return True


def _impossible_errors(state: State, sdk: Sdk, operation: OperationModel) -> Iterator[str]:
    modelled = {f"{sdk.prefix}.{exception_name(shape.name)}" for shape in operation.error_shapes}
    possible = {*_STATES_ERRORS, *modelled, f"{sdk.prefix}.{sdk.fallback}"}
    handled = {error for kind in ("Retry", "Catch") for each in state.get(kind, ()) for error in each["ErrorEquals"]}
    if impossible := handled - possible:
        yield f"{', '.join(sorted(impossible))} can never happen: possible are {', '.join(sorted(possible))}"


def _complaints_about_waits(machine: Machine) -> Iterator[str]:
    """Waits with a token may run out, and have an event or a message that ends them."""
    waits = {name: state for name, state, resource in tasks(machine) if resource.endswith(CALLBACK)}
    by_messages = [state for inbox in machine.inboxes.values() for state in inbox.wakes]
    ended = {*by_messages, *(awaited.state for awaited in machine.awaits)}
    for name in sorted(waits.keys() - ended):
        yield f"{name}: nothing ends this wait; name it in an Awaited or in the wakes of an Inbox"
    for name in sorted(ended - waits.keys()):
        yield f"{name}: an event or a message ends it, but it waits for no token"
    for name, state in waits.items():
        if state.get("Catch", [{"ErrorEquals": []}])[0]["ErrorEquals"] != ["States.Timeout"]:
            yield f"{name}: the event may never come: its first Catch must be of States.Timeout alone"


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
