"""RDS export: have RDS export the snapshot to Parquet in S3, look through what it wrote, say which tables there are."""

from __future__ import annotations

from pathlib import Path

from backup_actions.actions.rds_export.permissions import PERMISSIONS
from backup_actions.actions.rds_export.settings import RdsExportSettings
from backup_actions.contract import Action, Awaited, Job, ServiceRole, Task

# Completed, failed, canceled: of a snapshot of an instance, and of a cluster's.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
# Not confirmed by AWS's pages, but by public users of the first three: that the event of an export has its number in
# ``EventID`` and the snapshot's ARN in ``SourceArn``, as other events of snapshots do.
_EXPORT_ENDED = {
    "source": ["aws.rds"],
    "detail-type": ["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"],
    "detail": {
        "EventID": [
            "RDS-EVENT-0161",
            "RDS-EVENT-0159",
            "RDS-EVENT-0160",
            "RDS-EVENT-0164",
            "RDS-EVENT-0162",
            "RDS-EVENT-0163",
        ]
    },
}

# The page of Aurora's; that of RDS is divided by engines and names no others.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.Aurora_Fea_Regions_DB-eng.Feature.ExportSnapshotToS3.html
_WITHOUT_EXPORTS = (
    "ap-east-2",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "mx-central-1",
    "us-gov-east-1",
    "us-gov-west-1",
)

ACTION = Action(
    name="rds-export",
    title="Export the tables of an RDS or Aurora snapshot to Parquet in S3",
    handles=("RDS", "Aurora"),
    restorable=False,
    queryable=True,
    missing_in=dict.fromkeys(_WITHOUT_EXPORTS, "RDS exports no snapshots to S3 there"),
    awaits=(Awaited(state="WaitForExport", pattern=_EXPORT_ENDED, key="$.detail.SourceArn"),),
    folder=Path(__file__).parent,
    settings=RdsExportSettings,
    permissions=PERMISSIONS,
    tasks={
        "prepare": Task(
            code="backup_actions.actions.rds_export.tasks:prepare",
            doc="Says whether RDS can export the snapshot into the bucket, and if not, what can be done instead.",
        ),
        "hold-lease": Task(
            code="backup_actions.ledger.lease_tasks:hold",
            doc="Takes or renews one of the account's places for exports; who has to wait stands in the ledger.",
        ),
        "release-lease": Task(
            code="backup_actions.ledger.lease_tasks:release",
            doc="Gives the place back.",
        ),
        "await": Task(
            code="backup_actions.ledger.wait_tasks:await_event",
            doc="Puts into the ledger that the run waits for the end of its export, which an event may tell.",
        ),
        "report": Task(
            code="backup_actions.actions.rds_export.tasks:report",
            doc="Reads manifest and verification back and says what was exported and whether it is verified.",
            timeout_seconds=300,
            memory_mib=1024,
        ),
        "discard": Task(
            code="backup_actions.actions.rds_export.tasks:discard",
            doc="Removes what an export has written that was never found to be whole.",
            timeout_seconds=900,
            memory_mib=1024,
        ),
    },
    jobs={
        "verify": Job(
            code="backup_actions.actions.rds_export.job:verify_export",
            doc="Reads what RDS says of every table and every Parquet file's footer, and writes manifest and evidence.",
            vcpus=2,
            memory_mib=2048,
        ),
    },
    service_roles={
        "export": ServiceRole(
            service="export.rds.amazonaws.com",
            doc="RDS writes exports of snapshots of AWS Backup's under it.",
            on_behalf_of=(
                "arn:${Partition}:rds:${Region}:${Account}:snapshot:*",
                "arn:${Partition}:rds:${Region}:${Account}:cluster-snapshot:*",
            ),
        ),
    },
)
