"""What the main machine knows of a recovery point before it acts, and again before it lets go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from backup_actions.aws import World, translated
from backup_actions.errors import AwsCallFailed, NotVerified
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from types_boto3_backup.type_defs import DescribeRecoveryPointOutputTypeDef

# Only a completed backup is worth acting on; PARTIAL ones are AWS Backup's own word for "not whole".
_USABLE = ("COMPLETED", "AVAILABLE")


@dataclass(frozen=True, slots=True)
class Facts:
    """Read from AWS Backup and from the service that holds the backup."""

    status: str
    size_bytes: int
    created_at: str
    encrypted: bool
    tags: Mapping[str, str]

    @property
    def date(self) -> str:
        """The day of the backup, which its archives are filed under."""
        return self.created_at[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What AWS Backup says of the point once its actions are through: that may be days after the facts were read."""

    is_there: bool = True
    is_whole: bool = True
    """Whether it is a completed backup still, and not for instance about to be removed."""
    status: str = "COMPLETED"
    ends_after_days: int | None = None
    """Days after its creation at which AWS Backup removes it; None: never."""
    tags: Mapping[str, str] = field(default_factory=dict)
    legal_holds: Sequence[str] = ()


def read_facts(world: World, point: RecoveryPoint) -> Facts:
    """Raise NotVerified if the point is not a completed backup; AwsCallFailed if it is unknown."""
    found = _described(world, point)
    if found["Status"] not in _USABLE:
        raise NotVerified(reason=f"the recovery point is {found['Status']}")
    return Facts(
        status=found["Status"],
        size_bytes=found.get("BackupSizeInBytes", 0),
        created_at=found["CreationDate"].isoformat(),
        encrypted=found.get("IsEncrypted", False),
        tags=_tags(world, point),
    )


def read_present(world: World, point: RecoveryPoint) -> Present:
    """Raise AwsBusy and AwsCallFailed for all but the answer that AWS Backup does not have the point."""
    try:
        found = _described(world, point)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != "ResourceNotFoundException":
            raise
        return Present(is_there=False, is_whole=False, status="")
    if found["Status"] not in _USABLE:
        return Present(is_whole=False, status=found["Status"])
    return Present(
        status=found["Status"],
        ends_after_days=_ends_after_days(found),
        tags=_tags(world, point),
        legal_holds=legal_holds(world, point),
    )


def _described(world: World, point: RecoveryPoint) -> DescribeRecoveryPointOutputTypeDef:
    with translated():
        return world.clients.backup.describe_recovery_point(
            BackupVaultName=point.vault_name, RecoveryPointArn=str(point.arn)
        )


def _ends_after_days(found: DescribeRecoveryPointOutputTypeDef) -> int | None:
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html: -1 days are for ever."""
    days = found.get("Lifecycle", {}).get("DeleteAfterDays")
    if days is not None:
        return days if days > 0 else None
    ends_at = found.get("CalculatedLifecycle", {}).get("DeleteAt")
    return ceil((ends_at - found["CreationDate"]).total_seconds() / 86_400) if ends_at else None


def _tags(world: World, point: RecoveryPoint) -> dict[str, str]:
    """Tags live where the backup lives; AWS Backup's own ListTags answers for fully managed types only.

    A classic backup of a DynamoDB table has none and can have none.
    Sources: https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListTags.html
    https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html
    """
    with translated():
        match point.arn.service:
            case "ec2" if point.arn.resource.startswith("image/"):
                images = world.clients.ec2.describe_images(ImageIds=[point.native_id])["Images"]
                return {tag["Key"]: tag["Value"] for image in images for tag in image.get("Tags", [])}
            case "ec2":
                snapshots = world.clients.ec2.describe_snapshots(SnapshotIds=[point.native_id])["Snapshots"]
                return {tag["Key"]: tag["Value"] for snapshot in snapshots for tag in snapshot.get("Tags", [])}
            case "rds":
                tags = world.clients.rds.list_tags_for_resource(ResourceName=str(point.arn))["TagList"]
                return {tag["Key"]: tag["Value"] for tag in tags}
            case "backup":
                # There are at most 50 of them, and an answer holds more.
                return world.clients.backup.list_tags(ResourceArn=str(point.arn))["Tags"]
            case _:
                return {}


def legal_holds(world: World, point: RecoveryPoint) -> list[str]:
    """The titles of the active legal holds that the point is under."""
    backup = world.clients.backup
    with translated():
        holds = [hold for page in backup.get_paginator("list_legal_holds").paginate() for hold in page["LegalHolds"]]
        active = [hold for hold in holds if hold["Status"] in ("ACTIVE", "CREATING")]
        return [hold["Title"] for hold in active if _holds(world, hold["LegalHoldId"], point)]


def _holds(world: World, legal_hold_id: str, point: RecoveryPoint) -> bool:
    pages = world.clients.backup.get_paginator("list_recovery_points_by_legal_hold").paginate(LegalHoldId=legal_hold_id)
    return any(str(point.arn) == member["RecoveryPointArn"] for page in pages for member in page["RecoveryPoints"])


def able_for(point: RecoveryPoint, actions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The actions that handle this kind of resource."""
    return [action for action in actions if point.resource_type in action["handles"]]


def choose(able: Sequence[Mapping[str, Any]], tags: Mapping[str, str]) -> tuple[list[Mapping[str, Any]], str]:
    """Those of the able actions whose tags the point carries, or the reason why there is none."""
    wanted = [action for action in able if action["tags"].items() <= tags.items()]
    if not wanted:
        return [], "the settings select other tags for " + ", ".join(action["name"] for action in able)
    return wanted, ""
