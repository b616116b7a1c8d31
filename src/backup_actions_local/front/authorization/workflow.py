"""The services that run workflows and their steps: Backup, Batch, Lambda, Step Functions, EventBridge; and tagging."""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions_local.front.authorization.rules import (
    RESOURCE_TAGS,
    Facts,
    Keys,
    Needs,
    Params,
    Resources,
    on_everything,
    passing_role,
    request_tags,
)
from backup_actions_local.front.policies import Context


def _named(service: str, kind: str, member: str) -> Resources:
    """The resource that a parameter names, by its name or its ARN."""

    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        return (facts.as_arn(service, kind, params[member]),)

    return resources


_RECOVERY_POINT = _named("backup", "recovery-point:", "RecoveryPointArn")
_VAULT = _named("backup", "backup-vault:", "BackupVaultName")


def _on_recovery_point(action: str) -> tuple[Needs, ...]:
    return (Needs(action, "recoveryPoint", _RECOVERY_POINT, (RESOURCE_TAGS,)),)


def _on_vault(action: str) -> tuple[Needs, ...]:
    return (Needs(action, "backupVault", _VAULT, (RESOURCE_TAGS,)),)


# https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html
_PASS_ROLE = passing_role("IamRoleArn", "backup.amazonaws.com")

BACKUP: Mapping[str, tuple[Needs, ...]] = {
    "DescribeRecoveryPoint": _on_recovery_point("backup:DescribeRecoveryPoint"),
    "DeleteRecoveryPoint": _on_recovery_point("backup:DeleteRecoveryPoint"),
    "UpdateRecoveryPointLifecycle": _on_recovery_point("backup:UpdateRecoveryPointLifecycle"),
    "ListRecoveryPointsByBackupVault": _on_vault("backup:ListRecoveryPointsByBackupVault"),
    "DescribeBackupVault": _on_vault("backup:DescribeBackupVault"),
    "ListLegalHolds": on_everything("backup:ListLegalHolds"),
    "ListRecoveryPointsByLegalHold": (
        Needs(
            "backup:ListRecoveryPointsByLegalHold",
            "legalHold",
            _named("backup", "legal-hold:", "LegalHoldId"),
            (RESOURCE_TAGS,),
        ),
    ),
    "ListTags": (
        Needs("backup:ListTags", "recoveryPoint", _named("backup", "recovery-point:", "ResourceArn"), (RESOURCE_TAGS,)),
    ),
    "ListBackupVaults": on_everything("backup:ListBackupVaults"),
    "DescribeBackupJob": on_everything("backup:DescribeBackupJob"),
    "StartBackupJob": (Needs("backup:StartBackupJob", "backupVault", _VAULT, (RESOURCE_TAGS,)), _PASS_ROLE),
    "StartRestoreJob": (
        Needs("backup:StartRestoreJob", "recoveryPoint", _RECOVERY_POINT, (RESOURCE_TAGS,)),
        _PASS_ROLE,
    ),
    # The role that is passed copies out of one vault and into the other; the caller only asks for it.
    "StartCopyJob": (Needs("backup:StartCopyJob", "recoveryPoint", _RECOVERY_POINT, (RESOURCE_TAGS,)), _PASS_ROLE),
    "DescribeCopyJob": on_everything("backup:DescribeCopyJob"),
    "ListCopyJobs": on_everything("backup:ListCopyJobs"),
    "DescribeRestoreJob": on_everything("backup:DescribeRestoreJob"),
    "ListRestoreJobs": on_everything("backup:ListRestoreJobs"),
}


def _tags(params: Params) -> Mapping[str, str]:
    tags: Mapping[str, str] = params.get("tags", {})
    return tags


_JOB_TAGS = request_tags(_tags)
_JOB = _named("batch", "job/", "jobId")

BATCH: Mapping[str, tuple[Needs, ...]] = {
    "SubmitJob": (
        Needs("batch:SubmitJob", "job-queue", _named("batch", "job-queue/", "jobQueue"), (RESOURCE_TAGS, _JOB_TAGS)),
        Needs(
            "batch:SubmitJob",
            "job-definition",
            _named("batch", "job-definition/", "jobDefinition"),
            (_JOB_TAGS,),  # only revisions carry tags
        ),
        # https://docs.aws.amazon.com/batch/latest/userguide/supported-iam-actions-tagging.html
        Needs(
            "batch:TagResource",
            "job",
            lambda params, facts: (facts.arn("batch", "job/*"),),
            (_JOB_TAGS,),
            lambda params, facts: bool(_tags(params)),
        ),
    ),
    "DescribeJobs": on_everything("batch:DescribeJobs"),
    "ListJobs": on_everything("batch:ListJobs"),
    "TerminateJob": (Needs("batch:TerminateJob", "job", _JOB, (RESOURCE_TAGS,)),),
    "TagResource": (
        Needs("batch:TagResource", "job", _named("batch", "job/", "resourceArn"), (RESOURCE_TAGS, _JOB_TAGS)),
    ),
}

LAMBDA: Mapping[str, tuple[Needs, ...]] = {
    "Invoke": (
        Needs("lambda:InvokeFunction", "function", _named("lambda", "function:", "FunctionName"), (RESOURCE_TAGS,)),
    ),
}


def _on_machine(action: str) -> tuple[Needs, ...]:
    return (Needs(action, "statemachine", _named("states", "stateMachine:", "stateMachineArn"), (RESOURCE_TAGS,)),)


def _on_execution(action: str) -> tuple[Needs, ...]:
    return (Needs(action, "execution", _named("states", "execution:", "executionArn")),)


STEP_FUNCTIONS: Mapping[str, tuple[Needs, ...]] = {
    "StartExecution": _on_machine("states:StartExecution"),
    "ListExecutions": _on_machine("states:ListExecutions"),
    "DescribeStateMachine": _on_machine("states:DescribeStateMachine"),
    "DescribeExecution": _on_execution("states:DescribeExecution"),
    "StopExecution": _on_execution("states:StopExecution"),
    "GetExecutionHistory": _on_execution("states:GetExecutionHistory"),
    "RedriveExecution": _on_execution("states:RedriveExecution"),
    "SendTaskSuccess": on_everything("states:SendTaskSuccess"),
    "SendTaskFailure": on_everything("states:SendTaskFailure"),
}


def _buses(params: Params, facts: Facts) -> tuple[str, ...]:
    names = {entry.get("EventBusName", "default") for entry in params["Entries"]}
    return tuple(sorted(facts.as_arn("events", "event-bus/", name) for name in names))


def _event_values(params: Params, _facts: Facts, _arn: str) -> Context:
    entries = params["Entries"]
    return {
        "events:source": tuple(sorted({entry.get("Source", "") for entry in entries})),
        "events:detail-type": tuple(sorted({entry.get("DetailType", "") for entry in entries})),
    }


EVENTS: Mapping[str, tuple[Needs, ...]] = {
    "PutEvents": (
        Needs("events:PutEvents", "event-bus", _buses, (Keys(("events:source", "events:detail-type"), _event_values),)),
    ),
}

TAGGING: Mapping[str, tuple[Needs, ...]] = {"GetResources": on_everything("tag:GetResources")}
