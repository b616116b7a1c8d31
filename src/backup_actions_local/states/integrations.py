"""Service integrations: a Task's call becomes a call of a boto3 client, made with the machine's role.

``aws-sdk:<service>:<action>`` for every service, and the optimized integrations below. Their calls
all go through the clients, so whoever stands behind the clients sees and checks every one of them.
https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from backup_actions_local.states import shapes
from backup_actions_local.states.api_names import OPTIMIZED, Sdk, aws_sdk, operation_model
from backup_actions_local.states.failures import RUNTIME, TASK_FAILED, StateFailed
from backup_actions_local.states.service_errors import as_state_failure
from backup_actions_local.states.tokens import CALLBACK
from backup_actions_local.states.values import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from botocore.model import OperationModel

    from backup_actions.model.json_types import JsonValue
    from backup_actions_local.states.tasks import RunningTask

_START_AND_WAIT = "startExecution.sync:2"
_INSISTS = 4
# Optimized integrations: service → action → the members that may be any JSON and are sent as its text.
_OPTIMIZED_ACTIONS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "batch": {"submitJob": frozenset()},
    "dynamodb": dict.fromkeys(("getItem", "putItem", "updateItem", "deleteItem"), frozenset()),
    "lambda": dict.fromkeys(("invoke", f"invoke{CALLBACK}"), frozenset({"Payload"})),
    "sns": {"publish": frozenset({"Message"})},
    "sqs": {"sendMessage": frozenset({"MessageBody"})},
    "states": {_START_AND_WAIT: frozenset({"Input"})},
}


class AwsIntegrations:
    """Implements ``tasks.Integrations`` for one role.

    ``lend`` gives the role's boto3 client of a service (botocore's name for it) for one call; it must not retry by
    itself, because Step Functions shows every error to the workflow. ``has_ended`` says whether the execution with an
    ARN has ended; the clock is told when that changes.
    """

    def __init__(self, lend: Callable[[str], AbstractContextManager[Any]], has_ended: Callable[[str], bool]) -> None:
        self._lend, self._has_ended = lend, has_ended

    def mistakes(self, resource: str, arguments: Any) -> Iterator[str]:
        """See ``tasks.Integrations``."""
        sdk, action, as_text = _find(resource)
        operation = None if sdk is None else operation_model(sdk, action)
        if operation is None:
            yield f"the integration {resource} is not known"
            return
        given = {} if arguments is None else arguments
        if isinstance(given, dict):
            given = {name: "" if name in as_text else value for name, value in given.items()}
        shape = operation.input_shape
        if action == "invoke" and isinstance(given, dict):
            given.pop("Payload", None)
        if shape is not None:
            yield from shapes.mistakes_in_arguments(given, shape, "Arguments")
        if operation.has_streaming_output and action != "invoke":
            yield f"{resource} answers with bytes, which the embedded AWS does not pass through a workflow"

    def run(self, resource: str, arguments: JsonValue, task: RunningTask) -> JsonValue:
        """See ``tasks.Integrations``."""
        sdk, action, as_text = _find(resource)
        operation = None if sdk is None else operation_model(sdk, action)
        if sdk is None or operation is None:
            raise StateFailed(RUNTIME, f"the integration {resource} is not known")
        if not isinstance(arguments, dict):
            raise StateFailed(RUNTIME, f"the arguments of {resource} must be an object, not {arguments!r}")
        given = {name: _text(name, value) if name in as_text else value for name, value in arguments.items()}
        if action == "invoke":
            return self._invoke(sdk, given)
        if resource == f"states:{_START_AND_WAIT}":
            return self._start_and_wait(sdk, operation, given, task)
        moment = shapes.iso_text if resource.startswith("aws-sdk:") else shapes.epoch_milliseconds
        return self._call(sdk, operation, given, moment)

    def _call(
        self, sdk: Sdk, operation: OperationModel, arguments: JsonValue, moment: Callable[[datetime], JsonValue]
    ) -> dict[str, Any]:
        parameters = shapes.to_botocore(arguments, operation.input_shape, operation.name) if arguments else {}
        answer = self._ask(sdk, operation.name, parameters)
        shape = operation.output_shape
        result = {} if shape is None else shapes.from_botocore(answer, shape, operation.name, moment)
        assert isinstance(result, dict)  # noqa: S101 - every output shape is a structure
        return result

    def _ask(self, sdk: Sdk, operation: str, parameters: Mapping[str, Any]) -> Any:
        try:
            with self._lend(sdk.botocore) as client:
                return getattr(client, xform_name(operation))(**parameters)
        except (ClientError, BotoCoreError) as error:
            raise as_state_failure(error, sdk) from error

    def _invoke(self, sdk: Sdk, arguments: Mapping[str, Any]) -> JsonValue:
        """https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html"""
        answer = self._ask(sdk, "Invoke", {**arguments, "Payload": arguments.get("Payload", "{}").encode()})
        text = answer["Payload"].read().decode()
        payload = _parsed(text)
        if answer.get("FunctionError"):
            error = payload.get("errorType") if isinstance(payload, dict) else None
            raise StateFailed(str(error or "Exception"), text)
        result = {"Payload": payload, "StatusCode": answer["StatusCode"]}
        return {**result, "ExecutedVersion": answer["ExecutedVersion"]} if "ExecutedVersion" in answer else result

    def _start_and_wait(
        self, sdk: Sdk, start: OperationModel, arguments: Mapping[str, Any], task: RunningTask
    ) -> JsonValue:
        """Start a child execution, wait for its end, return its description with input and output as JSON.

        It is stopped when the task times out or the parent ends; it fails the task with States.TaskFailed, whatever
        its own error. https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
        """
        started = self._call(sdk, start, arguments, shapes.epoch_milliseconds)
        child = started["ExecutionArn"]
        try:
            task.submitted(started)
            task.wait(lambda: self._has_ended(child), child)
        except BaseException:
            cause = (
                f"The Task state in AWS Step Functions execution [{task.execution_arn}] "
                "which was managing this resource was aborted"
            )
            self._insist(lambda: self._ask(sdk, "StopExecution", {"executionArn": child, "cause": cause}))
            raise
        describe = operation_model(sdk, "describeExecution")
        assert describe is not None  # noqa: S101 - in botocore's model
        described = self._insist(lambda: self._call(sdk, describe, {"ExecutionArn": child}, shapes.epoch_milliseconds))
        if described["Status"] != "SUCCEEDED":
            raise StateFailed(TASK_FAILED, dump(described, sort_keys=True))
        return {name: _parsed(value) if name in {"Input", "Output"} else value for name, value in described.items()}

    def _insist(self, ask: Callable[[], Any]) -> Any:
        """What the service does on its own account, after the workflow's call: it does not give up at once."""
        for _ in range(_INSISTS - 1):
            with suppress(StateFailed):
                return ask()
        return ask()


def _find(resource: str) -> tuple[Sdk | None, str, frozenset[str]]:
    """The service, the action, and the members that are sent as JSON text; no service for what is not known."""
    names = resource.split(":", 2) if resource.startswith("aws-sdk:") else ["", *resource.split(":", 1)]
    if len(names) != 3:
        return None, "", frozenset()
    kind, service, action = names
    if kind == "aws-sdk":
        return aws_sdk(service), action, frozenset()
    as_text = _OPTIMIZED_ACTIONS.get(service, {}).get(action)
    if as_text is None:
        return None, "", frozenset()
    return OPTIMIZED[service], action.removesuffix(".sync:2").removesuffix(CALLBACK), as_text


def _text(name: str, value: JsonValue) -> str:
    """JSON as text; a message that is text already stays so, while a payload or input is always JSON."""
    return value if isinstance(value, str) and name.startswith("Message") else dump(value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
