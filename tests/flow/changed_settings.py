"""Settings that change between two runs of the same backup: deployed again, and the backup dealt with again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.flow.flow import MAIN, Flow

from backup_actions.aws.executions import begin_life
from backup_actions.model.manifest import MANIFEST_NAME
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.settings import from_mapping
from backup_actions_local.deployment import Deployment

if TYPE_CHECKING:
    from backup_actions_local.states.execution import Execution


def deploy_again(flow: Flow, archive: Mapping[str, object], *, policy: str = "delete") -> None:
    """The action has other settings, and other backups may go: roles and machines are what an upgrade makes of them."""
    old = flow.deployment
    (action,) = old.actions
    sections = old.settings.model_dump(mode="json", exclude_unset=True)
    changed = {"deletion": {**sections["deletion"], "policy": policy}, "actions": {action.name: dict(archive)}}
    new = Deployment(from_mapping({**sections, **changed}, old.actions), old.actions, old.place, old.resources)
    for role, statements in new.roles():
        flow.cloud.roles.add(role, statements)
    for deployed in new.machines:
        machine = deployed.machine
        definition, role = new.definition_of(deployed), new.role_of(machine, "workflow")
        flow.cloud.stepfunctions.register(new.name_of(machine), definition, role)
    flow.deployment = new


def replay(flow: Flow) -> Execution:
    """What became of the backup in the next run of its own."""
    point = RecoveryPoint.from_json(flow.evidence()["recovery_point"])
    known = {execution.name for execution in flow.executions(MAIN)}
    name = point.execution_name
    while name in known:
        name = point.next_run(name)
    with flow.cloud.clock.actor():
        begin_life(flow.cloud.administrator.client("stepfunctions"), flow.executions(MAIN)[0].machine.arn, point, name)
    flow.wait()
    (begun,) = (execution for execution in flow.executions(MAIN) if execution.name == name)
    return begun


def remove_manifest(flow: Flow, name: str = MANIFEST_NAME) -> str:
    """Somebody does what they were told to; the key of what they removed."""
    (key,) = (key for key in flow.stored() if key.endswith(f"/{name}"))
    flow.s3.delete_object(Bucket=flow.bucket, Key=key)
    return key
