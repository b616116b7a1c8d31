"""Completed recovery points that no event announced: delivery of AWS Backup's events is best effort.

https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.aws.executions import Execution, begin_life, latest_life
from backup_actions.errors import AwsCallFailed, MalformedArn
from backup_actions.estate.another_run import end_of_run, objection
from backup_actions.estate.findings import Finding, Kind, not_looked_at
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from types_boto3_backup.type_defs import ListRecoveryPointsByBackupVaultOutputTypeDef

# The largest page; AWS Backup publishes no rate for the call: five a second have been let through.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListRecoveryPointsByBackupVault.html
_PAGE = 1000
_PAUSE_SECONDS = 0.2

_READY = frozenset({"COMPLETED", "AVAILABLE"})


def missed_points(looking: Looking, cursor: str) -> Iterator[Page]:
    """Each is begun as if its event had come. Memory never exceeds one page of a vault's list.

    A vault of 100,000 points takes 100 calls of AWS Backup and 1,000 of DynamoDB. Those made before the deployment are
    left alone unless the settings say otherwise.
    """
    vault, token = json.loads(cursor) if cursor else (0, "")
    deployed_at = None if looking.estate.adopt_older else _deployed_at(looking)
    while vault < len(looking.estate.vaults):
        name = looking.estate.vaults[vault]
        findings: tuple[Finding, ...]
        try:
            listed = _listed(looking, name, token)
        except AwsCallFailed as refusal:  # of this vault: the others are looked at all the same
            findings, token = (not_looked_at(f"vault {name}", refusal),), ""
        else:
            findings, token = (
                tuple(_judged(looking, listed["RecoveryPoints"], deployed_at)),
                listed.get("NextToken", ""),
            )
        vault += not token
        is_last = vault == len(looking.estate.vaults)
        yield Page(findings, "" if is_last else json.dumps([vault, token]))
        if not is_last:
            looking.world.clock.sleep(_PAUSE_SECONDS)


def _deployed_at(looking: Looking) -> datetime:
    """The main machine is made once and then only updated."""
    with translated():
        described = looking.world.clients.stepfunctions.describe_state_machine(
            stateMachineArn=looking.estate.main_machine_arn
        )
    return described["creationDate"]


def _listed(looking: Looking, vault: str, token: str) -> ListRecoveryPointsByBackupVaultOutputTypeDef:
    backup = looking.world.clients.backup
    try:
        with translated():
            if token:
                return backup.list_recovery_points_by_backup_vault(
                    BackupVaultName=vault, MaxResults=_PAGE, NextToken=token
                )
    except AwsCallFailed as refusal:
        # How long a token is good for is nowhere said: with one of an earlier call the vault is begun again.
        if refusal.facts["error_code"] != "InvalidParameterValueException":
            raise
    with translated():
        return backup.list_recovery_points_by_backup_vault(BackupVaultName=vault, MaxResults=_PAGE)


def _judged(looking: Looking, listed: list[Any], deployed_at: datetime | None) -> Iterator[Finding]:
    ready = [each for each in listed if each["Status"] in _READY and looking.is_settled(_completed_at(each))]
    wanted = [each for each in ready if deployed_at is None or _completed_at(each) > deployed_at]
    known = looking.ledger.known([each["RecoveryPointArn"] for each in wanted])
    for each in wanted:
        if each["RecoveryPointArn"] in known:
            continue
        try:
            finding = _missed(looking, each)
        except MalformedArn as wrong:
            finding = not_looked_at(each["RecoveryPointArn"], wrong)
        if finding:
            yield finding


def _completed_at(listed: Mapping[str, Any]) -> datetime:
    at: datetime = listed.get("CompletionDate") or listed["CreationDate"]
    return at


def _missed(looking: Looking, listed: Mapping[str, Any]) -> Finding | None:
    point = RecoveryPoint(
        arn=Arn.parse(listed["RecoveryPointArn"]),
        vault_name=listed["BackupVaultName"],
        resource_arn=Arn.parse(listed.get("ResourceArn", "")),
        resource_type=listed["ResourceType"],
    )
    stepfunctions, main = looking.world.clients.stepfunctions, looking.estate.main_machine_arn
    latest = latest_life(stepfunctions, main, point, point.execution_name)
    if latest is not None and not looking.has_ended(latest):
        return None
    if latest is not None and looking.ledger.entries(str(point.arn)):  # recorded since the page was asked after
        return None
    because = objection(point, latest.name, latest) if latest else ""
    run = point.next_run(latest.name) if latest else point.execution_name
    what = "no event announced it"
    if latest is not None:
        what = f"its execution {latest.name} ended before anything was recorded: {latest.cause or end_of_run(latest)}"
    begun = not because and looking.repairs and looking.starts.take() and begin_life(stepfunctions, main, point, run)
    if because and latest and looking.repairs:  # then it can be replayed, and is counted among what is not archived
        _give_up(looking, point, latest, what, made_at=_completed_at(listed))
    done = f"the execution {run} was begun" if begun else f"{looking.later} begins the execution {run}"
    return Finding(
        kind=Kind.MISSED_POINT,
        subject=str(point.arn),
        what=what,
        since=_completed_at(listed).isoformat(),
        remedy=f"{because}: `{looking.command(f'replay {point.arn}')}` begins it again" if because else done,
        repaired=begun,
    )


def _give_up(looking: Looking, point: RecoveryPoint, ended: Execution, reason: str, *, made_at: datetime) -> None:
    looking.ledger.record(
        point, run=ended.name, status=Status.FAILED, details={"reason": reason}, made_at=made_at.isoformat()
    )
