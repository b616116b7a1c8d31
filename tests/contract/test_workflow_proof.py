"""What a workflow says about APIs is true of botocore's models: values, results, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions.contract import Machine
from backup_actions.contract.workflow import State
from backup_actions.lifecycle import LifecycleSettings, main_machine
from backup_actions.offsite import ImportSettings, import_machine
from backup_actions.plugins import installed
from backup_actions_local.states.api_names import AWS_SDK, OPTIMIZED, Sdk, exception_name, member_name, service_model
from backup_actions_local.states.inspection import references
from backup_actions_local.states.shapes import Shape, mistakes_in_arguments
from backup_actions_local.states.tokens import CALLBACK

if TYPE_CHECKING:
    from botocore.model import OperationModel

MACHINES: dict[str, Machine] = {
    machine.name: machine
    for machine in (main_machine(LifecycleSettings()), import_machine(ImportSettings()), *installed().actions)
}
RESULT_OF = {"states:startExecution.sync:2": "DescribeExecution"}
"""An integration that waits answers with what it waited for."""

_JSON_TEXT = frozenset({"Blob", "SensitiveData"})
"""Shapes of Lambda's payload and of an execution's output, which Step Functions parses."""

STATES_ERRORS = frozenset({"States.ALL", "States.TaskFailed", "States.Timeout"})


def sdk_and_operation(resource: str, *, result: bool = False) -> tuple[Sdk, OperationModel]:
    """The service and the operation of a Task's resource."""
    service, action = resource.removeprefix("aws-sdk:").split(":", 1)
    sdk = AWS_SDK[service] if resource.startswith("aws-sdk:") else OPTIMIZED[service]
    name = RESULT_OF.get(resource) if result else None
    model = service_model(sdk.botocore)
    wanted = name or action.partition(".")[0]
    (operation,) = [each for each in model.operation_names if each.lower() == wanted.lower()]
    return sdk, model.operation_model(operation)


def tasks(machine: Machine) -> Iterator[tuple[str, State, str]]:
    """Task states with the resource that they call."""
    for name, state in machine.workflow.states():
        if state["Type"] == "Task":
            yield name, state, str(state["Resource"]).partition(":states:::")[2]


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)


def is_expression(text: str) -> bool:
    return text.startswith("{%")


@pytest.fixture(name="machine", params=MACHINES.values(), ids=list(MACHINES))
def _machine(request: pytest.FixtureRequest) -> Machine:
    machine = request.param
    assert isinstance(machine, Machine)
    return machine


def test_arguments_exist_and_none_that_is_required_is_missing(machine: Machine) -> None:
    for name, state, resource in tasks(machine):
        _, operation = sdk_and_operation(resource)
        arguments = state["Arguments"]
        if isinstance(arguments, dict) and "Payload" in arguments:  # it is sent as JSON text
            arguments = {**arguments, "Payload": "{% '' %}"}
        if isinstance(arguments, dict) and isinstance(arguments.get("Input"), dict):
            arguments = {**arguments, "Input": "{% '' %}"}
        assert list(mistakes_in_arguments(arguments, operation.input_shape, name)) == []


def test_names_inside_of_an_expression_that_makes_all_arguments_are_members(machine: Machine) -> None:
    for name, state, resource in tasks(machine):
        if isinstance(state["Arguments"], str):
            _, operation = sdk_and_operation(resource)
            assert operation.input_shape is not None
            known = {member for member, _ in members(operation.input_shape)}
            written = set(re.findall(r"'([A-Z]\w*)'\s*:", state["Arguments"]))
            assert written, name
            assert written <= known, f"{name}: {written - known}"


def members(shape: Shape, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Shape]]:
    """Every member of a shape, at any depth, as a workflow writes it."""
    if shape.name in above:
        return
    if shape.type_name == "structure":
        for name, inner in shape.members.items():
            yield member_name(name), inner
            yield from members(inner, (*above, shape.name))
    elif shape.type_name == "list":
        yield from members(shape.member, (*above, shape.name))


def test_literal_values_are_among_those_that_the_api_knows(machine: Machine) -> None:
    for name, state, resource in tasks(machine):
        _, operation = sdk_and_operation(resource)
        if operation.input_shape is not None and isinstance(state["Arguments"], dict):
            assert list(unknown_values(state["Arguments"], operation.input_shape)) == [], name


def unknown_values(value: Any, shape: Shape) -> Iterator[str]:
    match value:
        case dict() if shape.type_name == "structure":
            inner = {member_name(name): each for name, each in shape.members.items()}
            for name, each in value.items():
                yield from unknown_values(each, inner[name])
        case list() if shape.type_name == "list":
            for each in value:
                yield from unknown_values(each, shape.member)
        case str() if getattr(shape, "enum", None) and not is_expression(value) and value not in shape.enum:
            yield value


def test_what_is_read_of_a_result_is_in_it(machine: Machine) -> None:
    for name, state, resource in tasks(machine):
        _, operation = sdk_and_operation(resource, result=True)
        for path in result_paths(state):
            assert operation.output_shape is not None
            assert leads_somewhere(path, operation.output_shape), f"{name}: $states.result.{'.'.join(path)}"


def result_paths(state: State) -> set[tuple[str, ...]]:
    """The paths below ``$states.result`` in what the state assigns and puts out."""
    kept: Mapping[str, Any] = {key: value for key, value in state.items() if key in {"Assign", "Output"}}
    found = [
        references(text.removeprefix("{%").removesuffix("%}").strip()) for text in texts(kept) if is_expression(text)
    ]
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


def test_errors_that_are_caught_or_retried_can_happen(machine: Machine) -> None:
    for name, state, resource in tasks(machine):
        sdk, operation = sdk_and_operation(resource)
        modelled = {f"{sdk.prefix}.{exception_name(shape.name)}" for shape in operation.error_shapes}
        possible = {*STATES_ERRORS, *modelled, f"{sdk.prefix}.{sdk.fallback}"}
        handled = {
            error for kind in ("Retry", "Catch") for each in state.get(kind, ()) for error in each["ErrorEquals"]
        }
        assert handled <= possible, f"{name}: {handled - possible}"


def test_a_retried_call_can_be_repeated_without_harm(machine: Machine) -> None:
    """Calls that make something carry a token or a name of their own, or are not retried."""
    for name, state, resource in tasks(machine):
        verb = re.split(r"(?=[A-Z])", resource.rpartition(":")[2])[0]
        if verb in {"create", "submit", "start", "copy", "run"} and "Retry" in state:
            assert re.search("ClientToken|IdempotencyToken|DbInstanceIdentifier", json.dumps(state["Arguments"])), name


def test_every_wait_with_a_token_may_run_out_and_has_an_event_or_a_message_that_ends_it(machine: Machine) -> None:
    waits = {name: state for name, state, resource in tasks(machine) if resource.endswith(CALLBACK)}
    by_messages = [state for inbox in machine.inboxes.values() for state in inbox.wakes]

    assert sorted(waits) == sorted([*by_messages, *(awaited.state for awaited in machine.awaits)])
    for state in waits.values():
        assert state["Catch"][0]["ErrorEquals"] == ["States.Timeout"]


def test_a_path_that_no_result_has_is_noticed() -> None:
    _, describe = sdk_and_operation("aws-sdk:ec2:describeVolumes")
    assert describe.output_shape is not None

    assert leads_somewhere(("Volumes", "State"), describe.output_shape)
    assert not leads_somewhere(("Volumes", "Status"), describe.output_shape)
    assert not leads_somewhere(("volumes",), describe.output_shape)
