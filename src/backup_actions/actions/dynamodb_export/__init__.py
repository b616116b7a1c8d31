"""DynamoDB export: have the backup's items exported to S3, convert them to Parquet, verify, remove what was needed."""

from __future__ import annotations

from pathlib import Path

from backup_actions.actions.dynamodb_export.permissions import PERMISSIONS
from backup_actions.actions.dynamodb_export.settings import DynamodbExportSettings
from backup_actions.contract import Action, Job, ServiceRole, Task

ACTION = Action(
    name="dynamodb-export",
    title="Export the items of a DynamoDB backup to Parquet",
    handles=("DynamoDB",),
    restorable=False,
    queryable=True,
    folder=Path(__file__).parent,
    settings=DynamodbExportSettings,
    permissions=PERMISSIONS,
    tasks={
        "plan": Task(
            code="backup_actions.actions.dynamodb_export.tasks:plan",
            doc="Says by which route the backup's items can be had, and why.",
        ),
        "report": Task(
            code="backup_actions.actions.dynamodb_export.tasks:report",
            doc="Reads manifest and verification back and says what was exported and whether it is verified.",
            timeout_seconds=300,
        ),
        "drop-original": Task(
            code="backup_actions.actions.dynamodb_export.tasks:drop_original",
            doc="Removes DynamoDB's own files once the Parquet files made of them are verified.",
            timeout_seconds=900,
        ),
        "clean": Task(
            code="backup_actions.actions.dynamodb_export.cleaning:clean",
            doc="Takes a round of removing what the run made, and says what it still has to wait for.",
            timeout_seconds=900,
        ),
    },
    jobs={
        "convert": Job(
            code="backup_actions.actions.dynamodb_export.job:convert_export",
            doc="Checks DynamoDB's manifests and files and makes Parquet of them.",
            vcpus=2,
            memory_mib=4096,
        ),
        "verify": Job(
            code="backup_actions.actions.dynamodb_export.job:verify_export",
            doc="Reads both back with rights to read and to write manifest and evidence, nothing else.",
            vcpus=2,
            memory_mib=4096,
        ),
    },
    service_roles={
        "restore": ServiceRole(
            service="backup.amazonaws.com",
            doc="AWS Backup restores a table under it, of a name that only this action uses.",
            # AWS Backup states no source when it takes a role on; iam:PassRole decides who may have it do so.
            on_behalf_of=(),
        ),
    },
)
