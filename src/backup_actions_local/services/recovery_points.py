"""Vaults, recovery points, backup jobs and legal holds: what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backup_actions.model.recovery_point import RecoveryPoint

Answer = dict[str, Any]
# A point in cold storage stays there for 90 days at least.
# https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html
_COLD_DAYS = 90


@dataclass(eq=False, slots=True, kw_only=True)
class Vault:
    """A backup vault. A lock keeps its points from being deleted and from living shorter than it says."""

    name: str
    arn: str
    created: datetime
    key_arn: str
    tags: dict[str, str] = field(default_factory=dict)
    min_retention_days: int | None = None

    @property
    def is_locked(self) -> bool:
        """Whether a vault lock is in force."""
        return self.min_retention_days is not None

    def answer(self, points: int) -> Answer:
        """The vault as DescribeBackupVault has it."""
        answer: Answer = {
            "BackupVaultName": self.name,
            "BackupVaultArn": self.arn,
            "VaultType": "BACKUP_VAULT",
            "VaultState": "AVAILABLE",
            "EncryptionKeyArn": self.key_arn,
            "CreationDate": self.created,
            "NumberOfRecoveryPoints": points,
            "Locked": self.is_locked,
        }
        return answer | ({"MinRetentionDays": self.min_retention_days} if self.is_locked else {})


@dataclass(eq=False, slots=True, kw_only=True)
class Point:
    """A recovery point in a vault."""

    of: RecoveryPoint
    vault: Vault
    status: str
    created: datetime
    completed: datetime | None = None
    size_bytes: int = 0
    role_arn: str = ""
    key_arn: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    lifecycle: dict[str, int] = field(default_factory=dict)
    status_message: str = ""

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.of.arn)

    @property
    def calculated_lifecycle(self) -> dict[str, datetime]:
        """When it will be moved and removed."""
        names = {"MoveToColdStorageAfterDays": "MoveToColdStorageAt", "DeleteAfterDays": "DeleteAt"}
        return {names[name]: self.created + timedelta(days=days) for name, days in self.lifecycle.items()}

    def answer(self) -> Answer:
        """What DescribeRecoveryPoint and the lists say of it."""
        answer: Answer = {
            "RecoveryPointArn": self.arn,
            "BackupVaultName": self.vault.name,
            "BackupVaultArn": self.vault.arn,
            "ResourceArn": str(self.of.resource_arn),
            "ResourceType": self.of.resource_type,
            "Status": self.status,
            "CreationDate": self.created,
            "BackupSizeInBytes": self.size_bytes,
            "IsEncrypted": bool(self.key_arn),
            "Lifecycle": self.lifecycle,
            "CalculatedLifecycle": self.calculated_lifecycle,
            "IsParent": False,
            "VaultType": "BACKUP_VAULT",
        }
        optional = {
            "IamRoleArn": self.role_arn,
            "CompletionDate": self.completed,
            "EncryptionKeyArn": self.key_arn,
            "StatusMessage": self.status_message,
        }
        return answer | {name: value for name, value in optional.items() if value}


@dataclass(eq=False, slots=True, kw_only=True)
class BackupJob:
    """A backup that is made."""

    id: str
    vault: Vault
    resource_arn: str
    resource_type: str
    role_arn: str
    created: datetime
    start_by: datetime
    state: str = "CREATED"
    status_message: str = ""
    point_arn: str = ""
    size_bytes: int = 0
    bytes_transferred: int = 0
    completed: datetime | None = None

    def answer(self, account: str) -> Answer:
        """The job as DescribeBackupJob has it."""
        answer: Answer = {
            "AccountId": account,
            "BackupJobId": self.id,
            "BackupVaultName": self.vault.name,
            "BackupVaultArn": self.vault.arn,
            "ResourceArn": self.resource_arn,
            "ResourceType": self.resource_type,
            "CreationDate": self.created,
            "State": self.state,
            "PercentDone": "100.0" if self.state == "COMPLETED" else "0.0",
            "BackupSizeInBytes": self.size_bytes,
            "IamRoleArn": self.role_arn,
            "BytesTransferred": self.bytes_transferred,
            "StartBy": self.start_by,
            "IsParent": False,
        }
        optional = {
            "RecoveryPointArn": self.point_arn,
            "CompletionDate": self.completed,
            "StatusMessage": self.status_message,
        }
        return answer | {name: value for name, value in optional.items() if value}


@dataclass(eq=False, slots=True, kw_only=True)
class LegalHold:
    """A hold on the points that its selection named when it was made."""

    id: str
    arn: str
    title: str
    description: str
    created: datetime
    points: tuple[Point, ...]
    token: str
    """With which it was asked for; the same token asks for the same hold."""
    status: str = "ACTIVE"

    def answer(self) -> Answer:
        """The hold as ListLegalHolds has it."""
        return {
            "LegalHoldId": self.id,
            "LegalHoldArn": self.arn,
            "Title": self.title,
            "Description": self.description,
            "Status": self.status,
            "CreationDate": self.created,
        }


def lifecycle_from(given: Mapping[str, Any] | None, vault: Vault) -> dict[str, int]:
    """A lifecycle as it was asked for. Raises Refused when it contradicts itself or the vault's lock."""
    wanted = {name: int(days) for name, days in (given or {}).items() if days is not None}
    unknown = wanted.keys() - {"MoveToColdStorageAfterDays", "DeleteAfterDays"}
    if unknown:
        raise Refused("NotEmbedded", f"the embedded AWS does not know {', '.join(unknown)} of a lifecycle", 501)
    delete, cold = wanted.get("DeleteAfterDays"), wanted.get("MoveToColdStorageAfterDays")
    if any(days < 1 for days in wanted.values()):
        raise Refused("InvalidParameterValueException", "Invalid lifecycle. Days must be at least 1.")
    if delete is not None and cold is not None and delete < cold + _COLD_DAYS:
        message = (
            f"Invalid lifecycle. DeleteAfterDays must be at least {_COLD_DAYS} days after the move to cold storage."
        )
        raise Refused("InvalidParameterValueException", message)
    if vault.min_retention_days and delete is not None and delete < vault.min_retention_days:
        message = f"Vault {vault.name} is locked: a retention of at least {vault.min_retention_days} days is required."
        raise Refused("InvalidRequestException", message)
    return wanted
