"""Every single grant, and the run in which it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.flow.disks import noisy_disk, unmountable
from tests.flow.flow import ACTION, MAIN, NAME, VAULT, Flow

INTAKE = f"{NAME}-intake"
IMAGE = f"{ACTION}-job-image"
_RECORD = f"{ACTION}-task-record"
_REPORT, _DISCARD = f"{ACTION}-task-report", f"{ACTION}-task-discard"
_ARCHIVE, _VERIFY = f"{ACTION}-job-archive", f"{ACTION}-job-verify"
_CONCLUDE, _FINISH = f"{MAIN}-task-conclude", f"{MAIN}-task-finish"

Scenario = Callable[[Flow], None]


@dataclass(frozen=True, slots=True)
class Grant:
    """One action of one statement of a role."""

    role: str
    statement: int
    action: str
    needed_in: tuple[str, ...]
    """The states that the description names."""

    def __str__(self) -> str:
        return f"{self.role.removeprefix(NAME + '-')} {self.action} (statement {self.statement + 1})"


def every_grant(flow: Flow) -> Iterator[Grant]:
    """All grants of all roles that have a part in a run: not those of what looks after the whole deployment."""
    deployment = flow.deployment
    watching = {deployment.name_of_function(function) for function in deployment.functions if function.schedule}
    for role, statements in deployment.roles():
        if role in watching:
            continue
        for number, statement in enumerate(statements):
            for action in statement.actions:
                yield Grant(role, number, action, statement.for_)


# -------------------------------------------------------------------------------------------------------- the scenarios


def ordinary(flow: Flow) -> None:
    """An encrypted backup, while somebody's legal hold is on another vault."""
    flow.cloud.vaults.make_vault("held")
    flow.cloud.administrator.client("backup").create_legal_hold(
        Title="lawsuit", Description="another vault", RecoveryPointSelection={"VaultNames": ["held"]}
    )
    flow.back_up(kms_key_id=flow.cloud.place.arn("kms", "key/customer"))


def unmountable_file_system(flow: Flow) -> None:
    """A file system that cannot be mounted: it is read from the snapshot, which is encrypted."""
    flow.disk = unmountable(flow.disk, flow.directory)
    ordinary(flow)


def lost_with_parts(flow: Flow) -> None:
    """Every host is lost while an upload is open: its volume is in use and its parts lie around."""
    flow.lose_host("s3", "UploadPart", attempts=None)
    flow.back_up()


def continued(job: str) -> Scenario:
    """A host is lost, and had time to note what it has sent: the next attempt goes on with that."""

    def run(flow: Flow) -> None:
        flow.disk = noisy_disk(flow.directory, 72)
        flow.lose_host("s3", "UploadPart", job=job, number=4, warned=True)
        flow.back_up()

    return run


def lost_before_the_manifest(flow: Flow) -> None:
    """Every host is lost when objects stand and the manifest does not."""
    flow.lose_host("s3", "PutObject", attempts=None)
    flow.back_up()


def failing_upload(flow: Flow) -> None:
    """A part is refused: the job gives its upload up."""
    flow.cloud.faults.on("s3", "UploadPart").fail("AccessDenied", status=403).always()
    flow.back_up()


def stopped_while_waiting(flow: Flow) -> None:
    """Somebody stops the main machine while the job has no host yet."""
    flow.stop_when(ACTION, "WaitForJob", stopped=MAIN)
    flow.back_up()


def full_quota(flow: Flow) -> None:
    """There is no room for the volume for a while."""
    flow.cloud.store.quota_gib = 1
    flow.when(ACTION, "WaitForRoom", lambda: setattr(flow.cloud.store, "quota_gib", 2))
    flow.back_up()


def malformed(flow: Flow) -> None:
    """An event that nobody can understand."""
    detail = {"backupVaultName": VAULT, "status": "COMPLETED", "resourceType": "EBS", "resourceArn": "no ARN"}
    with flow.cloud.clock.actor():
        flow.cloud.events.put("aws.backup", "Recovery Point State Change", detail, ["no ARN"])
    flow.wait()


def vanishing(name: str, machine: str, state: str) -> Scenario:
    """An object is gone at the moment when the machine enters the state."""

    def run(flow: Flow) -> None:
        flow.lose_when(machine, state, name)
        flow.back_up()

    return run


SCENARIOS: Mapping[tuple[str, str], Scenario] = {
    (f"{ACTION}-workflow", "ec2:DetachVolume"): lost_with_parts,
    (f"{ACTION}-workflow", "batch:TerminateJob"): stopped_while_waiting,
    (f"{MAIN}-workflow", "states:StopExecution"): stopped_while_waiting,
    (_RECORD, "dynamodb:PutItem"): full_quota,
    (_DISCARD, "s3:AbortMultipartUpload"): lost_with_parts,
    (_DISCARD, "s3:DeleteObject"): lost_before_the_manifest,
    (_ARCHIVE, "s3:AbortMultipartUpload"): failing_upload,
    (_ARCHIVE, "s3:ListMultipartUploadParts"): continued("archive"),
    (_ARCHIVE, "ebs:ListSnapshotBlocks"): unmountable_file_system,
    (_ARCHIVE, "ebs:GetSnapshotBlock"): unmountable_file_system,
    (_ARCHIVE, "kms:Decrypt"): unmountable_file_system,
    (IMAGE, "s3:AbortMultipartUpload"): failing_upload,
    (IMAGE, "s3:ListMultipartUploadParts"): continued("image"),
    (_VERIFY, "s3:ListBucket"): vanishing("manifest.json", ACTION, "BeginVerification"),
    (_REPORT, "s3:ListBucket"): vanishing("verification.json", ACTION, "Report"),
    (_CONCLUDE, "s3:ListBucket"): vanishing("verification.json", ACTION, "Succeeded"),
    (_FINISH, "s3:ListBucket"): vanishing("evidence.json", MAIN, "Finish"),
    (INTAKE, "sqs:SendMessage"): malformed,
}
"""Where an ordinary run does without the grant."""

CHOICES: Mapping[str, Mapping[str, Any]] = {IMAGE: {"archive": {"read_from": "snapshot"}}}
"""The deployment in which a role has something to do, where the ordinary one leaves it out."""

UNUSED_HERE: Mapping[tuple[str, str], str] = {
    (f"{MAIN}-task-describe", "backup:ListTags"): "for backups that AWS Backup manages fully, which volumes are not",
    (_CONCLUDE, "backup:ListTags"): "for backups that AWS Backup manages fully, which volumes are not",
    (f"{MAIN}-task-describe", "rds:ListTagsForResource"): "for backups of databases",
    (_CONCLUDE, "rds:ListTagsForResource"): "for backups of databases",
    (f"{MAIN}-workflow", "events:PutRule"): "used by Step Functions itself, when a machine is made",
    (f"{MAIN}-workflow", "events:PutTargets"): "used by Step Functions itself, when a machine is made",
    (f"{MAIN}-workflow", "events:DescribeRule"): "used by Step Functions itself, when a machine is made",
    (
        f"{ACTION}-workflow",
        "kms:ReEncryptFrom",
    ): "asked for by EBS's documentation; the key stays the same",
    (f"{ACTION}-workflow", "kms:ReEncryptTo"): "asked for by EBS's documentation; the key stays the same",
}
"""Grants whose lack no run of ours can show, and why they stand all the same."""
