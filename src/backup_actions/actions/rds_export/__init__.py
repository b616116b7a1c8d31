"""RDS export: have RDS export the snapshot to Parquet in S3, look through what it wrote, say which tables there are."""

from __future__ import annotations

from pathlib import Path

from backup_actions.actions.rds_export.permissions import PERMISSIONS
from backup_actions.actions.rds_export.settings import RdsExportSettings
from backup_actions.contract import Action, Job, ServiceRole, Task

ACTION = Action(
    name="rds-export",
    title="Export the tables of an RDS or Aurora snapshot to Parquet in S3",
    handles=("RDS", "Aurora"),
    restorable=False,
    queryable=True,
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
