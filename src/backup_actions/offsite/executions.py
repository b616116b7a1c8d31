"""Whether an execution of the import machine goes on."""

from __future__ import annotations

from dataclasses import replace

from backup_actions.aws import World, translated
from backup_actions.errors import AwsCallFailed
from backup_actions.model.arn import Arn


def has_ended(world: World, machine: Arn, execution: str) -> bool:
    """Whether nothing is done any more under that name. Step Functions forgets an execution after 90 days."""
    name = machine.resource.removeprefix("stateMachine:")
    try:
        with translated():
            found = world.clients.stepfunctions.describe_execution(
                executionArn=str(replace(machine, resource=f"execution:{name}:{execution}"))
            )
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] == "ExecutionDoesNotExist":
            return True
        raise
    return found["status"] != "RUNNING"
