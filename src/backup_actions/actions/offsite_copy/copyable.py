"""What cannot be copied off-site, recognised before anything is made: pure functions of what is known of it."""

from __future__ import annotations

from backup_actions.actions.offsite_copy.snapshots import Snapshot
from backup_actions.model.recovery_point import RecoveryPoint

OPTIONS_MAY_STAY = ("oracle", "sqlserver")
"""Products with options that never leave an option group again. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/
USER_WorkingWithOptionGroups.html
"""

_ANOTHER_WAY = "copy it to another account with AWS Backup, or dump it with rds-dump and copy the dump"


def objection_to_point(point: RecoveryPoint, *, home: str, account: str) -> str | None:
    """Why such a recovery point cannot be copied, or None: from account ``home`` to the other one."""
    if point.arn.service == "backup":
        what = "a continuous backup" if point.is_continuous else f"{point.arn}, which only AWS Backup knows"
        return f"snapshots of RDS and EBS are copied, not {what}: copy it to another vault, and that copy off-site"
    if point.resource_arn.account == account:
        return f"{account} is the account of the backup itself: name the separated one in separated_account"
    if point.resource_arn.account != home:
        return f"it is a copy of a backup of {point.resource_arn.account}: have that one copied off-site, over there"
    return None


def objection_to_snapshot(snapshot: Snapshot, *, tag_key: str, tag_value: str) -> str | None:
    """Why such a snapshot cannot be copied and shared, and what else can be done, or None.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html
    """
    if snapshot.tags.get(tag_key) != tag_value:
        return (
            f"the backup does not carry the tag {tag_key}={tag_value}, without which nothing here may copy it: put the "
            "tag on recovery points in the backup plan, and on this one by hand"
        )
    if not snapshot.is_available:
        return f"the snapshot is {snapshot.status}: copy it when it is available"
    if snapshot.tier == "archive":
        return "the snapshot is in the archive tier: restore it to the standard tier first"
    if ":cluster-snapshot:" in snapshot.arn and not snapshot.engine.startswith("aurora"):
        return f"RDS shares no snapshots of Multi-AZ DB clusters: {_ANOTHER_WAY}"
    if ":cluster-snapshot:" in snapshot.arn and not snapshot.key_arn:
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html (KmsKeyId)
        return f"Aurora encrypts no copies of unencrypted snapshots: encrypt the cluster, or {_ANOTHER_WAY}"
    if snapshot.encrypts_itself:
        return f"RDS shares no snapshots of databases with transparent data encryption: {_ANOTHER_WAY}"
    return None


def objection_to_options(group: str, options: list[str]) -> str | None:
    """Why a snapshot with such lasting options cannot be shared, or None where there are none."""
    if not options:
        return None
    return f"RDS shares no snapshots with the lasting options {', '.join(options)} of {group}: {_ANOTHER_WAY}"


def objection_to_key(key_arn: str, state: str) -> str | None:
    """Why nothing can be encrypted with such a key, or None."""
    if state == "Enabled":
        return None
    remedy = "cancel its deletion and enable it" if state == "PendingDeletion" else "enable it"
    return f"the export key {key_arn} is {state}: {remedy}"
