"""AWS Step Functions, as far as Standard workflows use it: machines are registered, executions started."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.paging import only, page
from backup_actions_local.states.api_names import service_model
from backup_actions_local.states.execution import Execution
from backup_actions_local.states.expressions import Expressions
from backup_actions_local.states.interpreter import Interpreter
from backup_actions_local.states.machine import Machine, check
from backup_actions_local.states.tokens import Tokens
from backup_actions_local.states.values import PAYLOAD_LIMIT_BYTES, dump

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backup_actions_local.calls import Call, Handler
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.place import Place
    from backup_actions_local.states.execution import Event, Listener
    from backup_actions_local.states.tasks import Integrations

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html (name)
_NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_PAGE_SIZE = 100


class StepFunctions:
    """Implements ``calls.Service``. Each execution is an actor of its own on the clock.

    ``integrations_for`` gives the integrations of a role (its name) and a session (the execution's name).
    ``listener`` is told of every event of every execution, ``on_status_change`` when one has begun or ended, as
    EventBridge is.
    """

    name = "stepfunctions"

    def __init__(
        self,
        clock: SimulatedClock,
        place: Place,
        integrations_for: Callable[[str, str], Integrations],
        *,
        listener: Listener = lambda _, __: None,
        on_status_change: Callable[[Execution], None] = lambda _: None,
    ) -> None:
        self._clock, self._place, self._integrations_for = clock, place, integrations_for
        self._listener, self._on_status_change = listener, on_status_change
        self._expressions, self._tokens = Expressions(clock.now), Tokens(clock)
        self._identifiers = Identifiers(self.name)
        self._machines: dict[str, Machine] = {}
        self._roles: dict[str, str] = {}
        self._executions: dict[str, Execution] = {}
        self._inputs: dict[str, str] = {}
        self._lock = threading.Lock()

    def register(self, name: str, definition: Mapping[str, Any], role: str) -> Machine:
        """Make a state machine that runs under the role with this name. Raises DefinitionInvalid."""
        check(name, definition, self._integrations_for(role, name))
        machine = Machine(
            name=name,
            arn=self.machine_arn(name),
            role_arn=self._place.role_arn(role),
            definition=definition,
            created=self._clock.now(),
        )
        self._machines[machine.arn], self._roles[machine.arn] = machine, role
        return machine

    def machine_arn(self, name: str) -> str:
        """The ARN that a machine of this name has, or will have."""
        return self._place.arn("states", f"stateMachine:{name}")

    def executions(self) -> list[Execution]:
        """Every execution, the oldest first."""
        with self._lock:
            return list(self._executions.values())

    def has_ended(self, arn: str) -> bool:
        """Whether the execution with this ARN has ended."""
        return self._executions[arn].has_ended

    def close(self) -> None:
        """No execution goes on."""
        for execution in self.executions():
            execution.stop("EmbeddedAwsStops", "the embedded AWS stops")

    def handlers(self) -> Mapping[str, Handler]:
        """See ``calls.Service``."""
        return {
            "StartExecution": self._start,
            "StopExecution": self._stop,
            "DescribeExecution": self._describe,
            "ListExecutions": self._list,
            "GetExecutionHistory": self._history,
            "DescribeStateMachine": self._describe_machine,
            **self._tokens.handlers(),
        }

    def _start(self, call: Call) -> Mapping[str, Any]:
        only(call, "stateMachineArn", "name", "input")
        machine = self._machine(call)
        name, text = call.params.get("name") or self._identifiers.uuid(), call.params.get("input", "{}")
        if not _NAME.fullmatch(name):
            raise Refused("InvalidName", f"Invalid Name: '{name}'")
        value = _parsed(text)
        arn = self._place.arn("states", f"execution:{machine.name}:{name}")
        with self._lock:
            execution = self._executions.get(arn)
            if execution is not None:
                if execution.has_ended or self._inputs[arn] != text:
                    raise Refused("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
                return {"executionArn": arn, "startDate": execution.started}
            execution = Execution(
                machine,
                name=name,
                arn=arn,
                value=value,
                clock=self._clock,
                listener=self._listener,
                on_end=self._on_status_change,
            )
            self._executions[arn], self._inputs[arn] = execution, text
        self._run(execution)
        return {"executionArn": arn, "startDate": execution.started}

    def _run(self, execution: Execution) -> None:
        integrations = self._integrations_for(self._roles[execution.machine.arn], execution.name)
        self._on_status_change(execution)
        self._clock.spawn(execution.arn, Interpreter(execution, integrations, self._expressions, self._tokens).run)

    def _stop(self, call: Call) -> Mapping[str, Any]:
        only(call, "executionArn", "error", "cause")
        execution = self._execution(call)
        execution.stop(call.params.get("error"), call.params.get("cause"))
        return {"stopDate": execution.stopped}

    def _describe(self, call: Call) -> Mapping[str, Any]:
        only(call, "executionArn")
        execution = self._execution(call)
        can_redrive = execution.has_ended and execution.status != "SUCCEEDED"
        described: dict[str, Any] = {
            **_summary(execution),
            "input": dump(execution.input),
            "inputDetails": {"included": True},
            "redriveCount": 0,
            "redriveStatus": "REDRIVABLE" if can_redrive else "NOT_REDRIVABLE",
        }
        if not can_redrive:
            described["redriveStatusReason"] = f"Execution is {execution.status} and cannot be redriven"
        if execution.status == "SUCCEEDED":
            described |= {"output": dump(execution.output), "outputDetails": {"included": True}}
        described |= {
            name: value for name, value in (("error", execution.error), ("cause", execution.cause)) if value is not None
        }
        return described

    def _list(self, call: Call) -> Mapping[str, Any]:
        only(call, "stateMachineArn", "statusFilter", "maxResults", "nextToken")
        machine, status = self._machine(call), call.params.get("statusFilter")
        found = [
            _summary(execution)
            for execution in reversed(self.executions())
            if execution.machine is machine and execution.status in ((status,) if status else _STATUSES)
        ]
        return _page("executions", found, call)

    def _history(self, call: Call) -> Mapping[str, Any]:
        only(call, "executionArn", "maxResults", "nextToken", "reverseOrder")
        events = [_history_event(event) for event in list(self._execution(call).history)]
        return _page("events", events[::-1] if call.params.get("reverseOrder") else events, call)

    def _describe_machine(self, call: Call) -> Mapping[str, Any]:
        only(call, "stateMachineArn")
        machine = self._machine(call)
        return {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "status": "ACTIVE",
            "definition": dump(machine.definition),
            "roleArn": machine.role_arn,
            "type": "STANDARD",
            "creationDate": machine.created,
        }

    def _machine(self, call: Call) -> Machine:
        arn = call.params["stateMachineArn"]
        if arn not in self._machines:
            raise Refused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return self._machines[arn]

    def _execution(self, call: Call) -> Execution:
        arn = call.params["executionArn"]
        with self._lock:
            if arn not in self._executions:
                raise Refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
            return self._executions[arn]


def _parsed(text: str) -> Any:
    if len(text.encode()) > PAYLOAD_LIMIT_BYTES:
        raise Refused("InvalidExecutionInput", f"The input has more than {PAYLOAD_LIMIT_BYTES} bytes")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Refused("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error


def _page(member: str, items: list[dict[str, Any]], call: Call) -> Mapping[str, Any]:
    size = call.params.get("maxResults") or _PAGE_SIZE
    shown, token = page(items, call.params.get("nextToken"), size, refusal="InvalidToken")
    return {member: list(shown), **({"nextToken": token} if token else {})}


def _summary(execution: Execution) -> dict[str, Any]:
    summary = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine.arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
    }
    return {**summary, "stopDate": execution.stopped} if execution.stopped else summary


def _history_event(event: Event) -> dict[str, Any]:
    """The event with those details that the API has for its type; values are JSON text there."""
    members = service_model("stepfunctions").shape_for("HistoryEvent").members  # type: ignore[attr-defined]
    kind = re.sub(r"^\w+(?=StateEntered|StateExited)", "", event.type)
    key = f"{kind[:1].lower()}{kind[1:]}EventDetails"
    described = {
        "timestamp": event.time,
        "type": event.type,
        "id": event.number,
        "previousEventId": event.number - 1,
    }
    if key not in members:
        return described
    resource_type, _, resource = str(event.details.get("resource", "")).rpartition(":")
    known = {**event.details, "name": event.state, "state": event.state}
    known |= {"resourceType": resource_type, "resource": resource}
    texts = {name: dump(known[name]) for name in ("input", "output", "parameters") if name in known}
    details = {name: value for name, value in (known | texts).items() if name in members[key].members}
    return {**described, key: {name: value for name, value in details.items() if value is not None}}
