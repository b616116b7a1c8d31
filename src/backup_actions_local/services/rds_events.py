"""Events about snapshots as RDS sends them.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-cloud-watch-events.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.services.rds_records import DatabaseSnapshot

SOURCE = "aws.rds"


def snapshot_event(
    snapshot: DatabaseSnapshot, number: str, message: str, *, category: str, now: datetime
) -> tuple[str, dict[str, Any], list[str]]:
    """Its detail type, detail and resources."""
    is_cluster = snapshot.of.is_cluster
    detail = {
        "EventCategories": [category],
        "SourceType": "CLUSTER_SNAPSHOT" if is_cluster else "SNAPSHOT",
        "SourceArn": snapshot.arn,
        "Date": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "SourceIdentifier": snapshot.id,
        "Message": message,
        "EventID": number,
    }
    return "RDS DB Cluster Snapshot Event" if is_cluster else "RDS DB Snapshot Event", detail, [snapshot.arn]
