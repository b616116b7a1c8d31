"""What the steps of a machine call, by botocore's names, and what IAM wants for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

from backup_actions.contract import Call, Machine
from backup_actions.contract.placeholders import ROLE_PREFIX
from backup_actions.errors import NotEmbedded
from backup_actions_local.front.authorization import iam_actions
from backup_actions_local.states.api_names import aws_sdk, operation_model, service_model
from backup_actions_testing.called_apis import ApiCall, apis_called_by

# https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html and the pages of each service below it
OPTIMIZED: Mapping[str, tuple[ApiCall, ...]] = {
    "lambda:invoke": (ApiCall("lambda", "Invoke"),),
    "lambda:invoke.waitForTaskToken": (ApiCall("lambda", "Invoke"),),
    "sns:publish": (ApiCall("sns", "Publish"),),
    "states:startExecution.sync:2": (
        ApiCall("stepfunctions", "StartExecution"),
        ApiCall("stepfunctions", "DescribeExecution"),
        ApiCall("stepfunctions", "StopExecution"),
        ApiCall("events", "PutRule"),
        ApiCall("events", "PutTargets"),
        ApiCall("events", "DescribeRule"),
    ),
}
"""What Step Functions itself calls for an optimized integration."""

NOT_USED: Mapping[str, str] = {
    "s3:GetObjectVersion": "no step names a version",
    "s3:DeleteObjectVersion": "no step names a version",
    "s3:PutObjectTagging": "no step tags an object",
}
"""Actions that an operation needs only in a form in which nothing here calls it."""

NOT_USED_BY: Mapping[tuple[ApiCall, str], str] = {
    (
        ApiCall("ssm", "PutParameter"),
        "kms:GenerateDataKey",
    ): "for parameters of the advanced tier, of which there are none",
}
"""The same for actions that other operations do need."""

TO_TELL_MISSING_FROM_FORBIDDEN = "s3:ListBucket"
"""Without it S3 answers 403 for a key that is not there.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""


def actions_for(call: ApiCall) -> frozenset[str]:
    """The IAM actions that a call needs here."""
    needed = {action for action in _known(call) if action not in NOT_USED and (call, action) not in NOT_USED_BY}
    if call in {ApiCall("s3", "GetObject"), ApiCall("s3", "HeadObject")}:
        needed.add(TO_TELL_MISSING_FROM_FORBIDDEN)
    return frozenset(needed)


def _known(call: ApiCall) -> tuple[str, ...]:
    """From the embedded AWS's table; what is not in it is called as its action is."""
    # The rule by which Step Functions hears of child executions is never made by a role in the embedded AWS.
    if call.service != "events":
        try:
            return iam_actions(call.service, call.operation)
        except NotEmbedded:
            return (f"{service_model(call.service).signing_name}:{call.operation}",)
    return (f"events:{call.operation}",)


def api_calls(call: Call) -> tuple[ApiCall, ...]:
    """A Task state's call by botocore's names; none for one that does not exist, of which is told elsewhere."""
    if not call.resource.startswith("aws-sdk:"):
        return OPTIMIZED.get(call.resource, ())
    _, service, action = call.resource.split(":")
    sdk = aws_sdk(service)
    model = operation_model(sdk, action) if sdk else None
    return (ApiCall(sdk.botocore, model.name),) if sdk and model else ()


def needed_by_states(machine: Machine) -> dict[str, frozenset[str]]:
    """Task state → IAM actions."""
    return {
        call.state: _passing(call).union(*(actions_for(api) for api in api_calls(call)))
        for call in machine.workflow.calls()
    }


def _passing(call: Call) -> frozenset[str]:
    """Whoever hands a role to a service of AWS has to be allowed that, whatever the call."""
    hands_over = call.resource.startswith("aws-sdk:") and f"${{{ROLE_PREFIX}" in json.dumps(call.arguments)
    return frozenset({"iam:PassRole"} if hands_over else ())


@cache
def apis_of(code: str) -> frozenset[ApiCall]:
    """See ``apis_called_by``; a source is read once. Raises SourceUnclear."""
    return apis_called_by(code)
