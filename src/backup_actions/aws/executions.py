"""Executions of Step Functions: begun once under a name, and asked after."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backup_actions.aws.errors import translated
from backup_actions.errors import AwsCallFailed
from backup_actions.model.json_types import JsonObject

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient
    from types_boto3_stepfunctions.literals import ExecutionStatusType

    from backup_actions.model.recovery_point import RecoveryPoint

# Step Functions: names of machines and of executions. 1000 is the largest page.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
_PAGE = 1000

_LONGEST = timedelta(days=7)  # as the machines here end themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What Step Functions says of an execution; it forgets one 90 days after its end."""

    arn: str
    machine_arn: str
    name: str
    status: str
    ended_at: datetime | None
    given: str
    """Its input, as it was given."""
    error: str
    cause: str

    @property
    def is_running(self) -> bool:
        """Whether it goes on; one that can be redriven has ended too."""
        return self.status == "RUNNING"


def begin(stepfunctions: SFNClient, machine_arn: str, name: str, given: JsonObject) -> bool:
    """An execution of this name runs or has run; whether it is this call that began it.

    The answer is True as well for one that began with the same input and is still running: AWS does not tell.
    """
    try:
        with translated():
            stepfunctions.start_execution(
                stateMachineArn=machine_arn, name=name, input=json.dumps(given, sort_keys=True)
            )
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != "ExecutionAlreadyExists":
            raise
        return False
    return True


def begin_life(stepfunctions: SFNClient, main_machine_arn: str, point: RecoveryPoint, name: str) -> bool:
    """The main machine is at the recovery point, or was, in an execution of this name; see ``begin``."""
    return begin(stepfunctions, main_machine_arn, name, {"recoveryPoint": point.to_json()})


def execution_arn(machine_arn: str, name: str) -> str:
    """The ARN of the machine's execution of this name."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"


def find_execution(stepfunctions: SFNClient, machine_arn: str, name: str) -> Execution | None:
    """What is known of it; None of one that never was, or that ended 90 days ago."""
    try:
        with translated():
            found: Any = stepfunctions.describe_execution(executionArn=execution_arn(machine_arn, name))
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] == "ExecutionDoesNotExist":
            return None
        raise
    return Execution(
        arn=found["executionArn"],
        machine_arn=machine_arn,
        name=found["name"],
        status=found["status"],
        ended_at=found.get("stopDate"),
        given=found.get("input", "{}"),
        error=found.get("error", ""),
        cause=found.get("cause", ""),
    )


def latest_life(stepfunctions: SFNClient, main_machine_arn: str, point: RecoveryPoint, name: str) -> Execution | None:
    """The last of the point's executions from that name on: one may have ended before it could be recorded anywhere."""
    latest = find_execution(stepfunctions, main_machine_arn, name)
    later = latest
    while later is not None:
        latest = later
        later = find_execution(stepfunctions, main_machine_arn, point.next_run(latest.name))
    return latest


def running(stepfunctions: SFNClient, machine_arn: str) -> Iterator[str]:
    """The names of the machine's executions that run, a page of 1000 at a time."""
    return (found["name"] for found in _listed(stepfunctions, machine_arn, "RUNNING"))


def ended(
    stepfunctions: SFNClient, machine_arn: str, statuses: Sequence[ExecutionStatusType], *, after: datetime
) -> Iterator[Execution]:
    """The machine's executions that ended so since then, of each status the newest first.

    Only those are described; those that began a week before it are looked at too.
    """
    for status in statuses:
        for found in _listed(stepfunctions, machine_arn, status):
            if found["startDate"] < after - _LONGEST:
                break
            if found["stopDate"] > after and (execution := find_execution(stepfunctions, machine_arn, found["name"])):
                yield execution


def _listed(stepfunctions: SFNClient, machine_arn: str, status: ExecutionStatusType) -> Iterator[Any]:
    """As Step Functions lists them, the newest first."""
    with translated():
        pages = iter(
            stepfunctions.get_paginator("list_executions").paginate(
                stateMachineArn=machine_arn, statusFilter=status, PaginationConfig={"PageSize": _PAGE}
            )
        )
    while True:
        with translated():
            page = next(pages, None)
        if page is None:
            return
        yield from page["executions"]
