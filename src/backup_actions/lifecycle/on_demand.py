"""A backup that somebody asks for, outside of any plan: begun once, watched until there is one or will be none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from backup_actions.aws import World, translated
from backup_actions.contract import Statement
from backup_actions.errors import AwsBusy, BackupFailed, VaultUnknown
from backup_actions.model.arn import Arn

if TYPE_CHECKING:
    from types_boto3_backup.type_defs import DescribeBackupJobOutputTypeDef

    from backup_actions.model.json_types import JsonObject

OUTPUT = "BackupPlans"
"""The output of the plans' stack in which commands find ``Planned``."""

# The least that AWS Backup accepts, and not the eight hours that it has by default: somebody waits.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_StartBackupJob.html
_START_WITHIN_MINUTES = 60

# Backups take minutes to hours. AWS Backup itself gives up what has not begun in an hour or does not end in days.
_FIRST_WAIT_SECONDS, _WAIT_GROWTH, _LONGEST_WAIT_SECONDS = 5.0, 1.25, 60.0

# Somebody's network may be gone for a while: about a quarter of an hour, beside what the client itself tries.
_MISSED_AT_MOST = 15

_ENDED = frozenset({"COMPLETED", "PARTIAL", "ABORTED", "FAILED", "EXPIRED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Where the backups of a deployment's plans go, and under which role they are made."""

    vault: str
    role_arn: str

    def to_text(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raises ValueError, TypeError and KeyError for what another version may have written."""
        data = json.loads(text)
        return cls(vault=str(data["vault"]), role_arn=str(data["role_arn"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of AWS Backup; the same token asks for the same backup."""

    resource: Arn
    vault: str
    role_arn: str
    keep_days: int
    tags: Mapping[str, str]
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A backup job as AWS Backup describes it."""

    id: str
    state: str
    resource_arn: str
    vault: str
    percent: float
    size_bytes: int
    recovery_point_arn: str
    message: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in _ENDED

    @property
    def done_bytes(self) -> int:
        """AWS Backup's own estimate, as a part of the size."""
        return int(self.size_bytes * self.percent / 100)

    def to_json(self) -> JsonObject:
        """For scripts."""
        return asdict(self)


def permissions(*, vault_arn: str, role_arn: str) -> tuple[Statement, ...]:
    """What whoever asks for a backup needs."""
    unnamed = "these calls know no resources"
    return (
        Statement(
            ("backup:ListBackupVaults", "backup:DescribeBackupJob"), on="*", for_=("start", "follow"), because=unnamed
        ),
        Statement(("backup:StartBackupJob",), on=vault_arn, for_=("start",)),
        Statement(
            ("iam:PassRole",),
            on=role_arn,
            when={"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}},
            for_=("start",),
        ),
    )


def start(world: World, order: Order) -> str:
    """The id of the job that AWS Backup has begun for this order. Raises VaultUnknown, AwsCallFailed, AwsBusy."""
    backup = world.clients.backup
    with translated():
        pages = backup.get_paginator("list_backup_vaults").paginate()
        known = sorted(vault["BackupVaultName"] for page in pages for vault in page["BackupVaultList"])
    if order.vault not in known:
        raise VaultUnknown(vault=order.vault, known=", ".join(known) or "none")
    with translated():
        return backup.start_backup_job(
            BackupVaultName=order.vault,
            ResourceArn=str(order.resource),
            IamRoleArn=order.role_arn,
            IdempotencyToken=order.token,
            StartWindowMinutes=_START_WITHIN_MINUTES,
            Lifecycle={"DeleteAfterDays": order.keep_days},
            RecoveryPointTags=dict(order.tags),
        )["BackupJobId"]


def look_at(world: World, job_id: str) -> Job:
    """The job as it is now. Raises AwsCallFailed, AwsBusy."""
    with translated():
        return _job(world.clients.backup.describe_backup_job(BackupJobId=job_id))


def follow(world: World, job_id: str) -> Job:
    """The job, once its backup is complete. Raises BackupFailed where there will be none, AwsCallFailed, AwsBusy."""
    wait_seconds, before = _FIRST_WAIT_SECONDS, None
    while not (job := _look_patiently(world, job_id)).has_ended:
        _tell(world, job, before)
        before = job
        world.clock.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * _WAIT_GROWTH, _LONGEST_WAIT_SECONDS)
    _tell(world, job, before)
    if job.state != "COMPLETED":
        reason = job.message or "AWS Backup gives no reason"
        raise BackupFailed(job=job.id, resource=job.resource_arn, state=job.state, reason=reason)
    return job


def _look_patiently(world: World, job_id: str) -> Job:
    for _ in range(_MISSED_AT_MOST):
        try:
            return look_at(world, job_id)
        except AwsBusy as busy:
            world.progress.note(str(busy))
            world.clock.sleep(_LONGEST_WAIT_SECONDS)
    return look_at(world, job_id)


def _tell(world: World, job: Job, before: Job | None) -> None:
    if before is None or before.size_bytes != job.size_bytes:
        world.progress.start(f"backup of {job.resource_arn}", job.size_bytes or None)
        world.progress.add(job.done_bytes)
    else:
        world.progress.add(job.done_bytes - before.done_bytes)
    if before is None or (before.state, before.message) != (job.state, job.message):
        world.progress.note(f"{job.state}: {job.message}" if job.message else job.state)


def _job(described: DescribeBackupJobOutputTypeDef) -> Job:
    found: Mapping[str, Any] = described
    return Job(
        id=found["BackupJobId"],
        state=found["State"],
        resource_arn=found["ResourceArn"],
        vault=found["BackupVaultName"],
        percent=float(found.get("PercentDone") or 0),
        size_bytes=found.get("BackupSizeInBytes") or 0,
        recovery_point_arn=found.get("RecoveryPointArn") or "",
        message=found.get("StatusMessage") or "",
    )
