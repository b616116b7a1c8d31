"""Imports of made-up backups, as the ledger has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from backup_actions.model.offsite import Announcement
from backup_actions.offsite.imports import Import, Stage
from backup_actions.offsite.naming import copy_name

SOURCE, HERE = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{SOURCE}:key/00000000-0000-0000-0000-000000000000"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_SNAPSHOTS = {
    "RDS": ("arn:aws:rds:us-east-1:{account}:snapshot:{name}", f"arn:aws:rds:us-east-1:{SOURCE}:db:", "postgres"),
    "Aurora": (
        "arn:aws:rds:us-east-1:{account}:cluster-snapshot:{name}",
        f"arn:aws:rds:us-east-1:{SOURCE}:cluster:",
        "aurora-mysql",
    ),
    "EBS": ("arn:aws:ec2:us-east-1::snapshot/snap-{name}", f"arn:aws:ec2:us-east-1:{SOURCE}:volume/", ""),
}


def kept(
    name: str,
    backed_up_at: datetime,
    *,
    resource: str = "shop",
    resource_type: str = "RDS",
    imported_after: timedelta = timedelta(hours=1),
    **about: Any,
) -> Import:
    """A verified import of a backup of that time; ``about`` are fields of it that differ."""
    arn, resources, engine = _SNAPSHOTS[resource_type]
    announcement = Announcement(
        snapshot_arn=arn.format(account=SOURCE, name=name),
        resource_type=resource_type,
        resource_arn=resources + resource,
        recovery_point_arn=f"arn:aws:backup:us-east-1:{SOURCE}:recovery-point:{name}",
        created_at=backed_up_at.isoformat(),
        engine=engine,
        engine_version="17.5" if engine else "",
        size_gib=20,
        key_arn=KEY,
        run=f"run-{name}",
    )
    fields: dict[str, Any] = {
        "stage": Stage.ACKNOWLEDGED,
        "attempt": 1,
        "execution": f"import-{name}",
        # EC2 gives its own ids, in hexadecimal digits.
        "imported_arn": arn.format(account=HERE, name=copy_name(announcement)[-17 if resource_type == "EBS" else 0 :]),
        "imported_at": (backed_up_at + imported_after).isoformat(),
        "size_gib": 20,
    }
    return Import(announcement=announcement, announcement_sha256="0" * 64, **{**fields, **about})


def days_ago(days: float) -> datetime:
    """That long before now."""
    return NOW - timedelta(days=days)
