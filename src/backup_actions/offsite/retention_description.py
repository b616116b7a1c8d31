"""Retention, described as the intake is: what it may do, and why."""

from __future__ import annotations

from backup_actions.contract import OURS, Function, Permissions, Statement
from backup_actions.offsite.permissions import IMPORT_EXECUTIONS, IMPORT_MACHINE

_RDS = "arn:${Partition}:rds:${Region}:${Account}"
_INSTANCES, _CLUSTERS = f"{_RDS}:snapshot:offsite-*", f"{_RDS}:cluster-snapshot:offsite-*"
_DISKS = "arn:${Partition}:ec2:${Region}::snapshot/*"
_ONE_EACH = "one snapshot for each import, under a name that nothing else begins with"
_NO_RESOURCES = "Describe calls of EC2 have no resource-level control"
_ANY_DISK = "ids of snapshots are EC2's; the tag condition narrows it"

RETAIN = Function(
    name="offsite-retention",
    title="Removes the imports that no rule keeps any more, once a day",
    code="backup_actions.offsite.retaining:retain",
    permissions=Permissions(
        tasks={
            "function": (
                Statement(
                    ("dynamodb:Query", "dynamodb:PutItem"),
                    on="arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}",
                    for_=("the imports",),
                ),
                Statement(
                    ("rds:DescribeDBSnapshots", "rds:DescribeDBSnapshotAttributes"),
                    on=_INSTANCES,
                    for_=("what is there, and with whom it is shared",),
                    because=_ONE_EACH,
                ),
                Statement(
                    ("rds:DescribeDBClusterSnapshots", "rds:DescribeDBClusterSnapshotAttributes"),
                    on=_CLUSTERS,
                    for_=("what is there, and with whom it is shared",),
                    because=_ONE_EACH,
                ),
                Statement(("ec2:DescribeSnapshots",), on="*", for_=("what is there",), because=_NO_RESOURCES),
                Statement(
                    ("ec2:DescribeSnapshotAttribute",),
                    on=_DISKS,
                    when=OURS,
                    for_=("with whom it is shared",),
                    because=_ANY_DISK,
                ),
                Statement(("rds:DeleteDBSnapshot",), on=_INSTANCES, when=OURS, for_=("removal",), because=_ONE_EACH),
                Statement(
                    ("rds:DeleteDBClusterSnapshot",), on=_CLUSTERS, when=OURS, for_=("removal",), because=_ONE_EACH
                ),
                Statement(("ec2:DeleteSnapshot",), on=_DISKS, when=OURS, for_=("removal",), because=_ANY_DISK),
                Statement(
                    ("states:DescribeExecution",),
                    on=IMPORT_EXECUTIONS,
                    for_=("whether anybody is still at it",),
                    because="one execution for each attempt of each import",
                ),
                Statement(("sns:Publish",), on="${TopicArn}", for_=("what could not be removed",)),
            )
        }
    ),
    environment={
        "BACKUP_ACTIONS_IMPORT_MACHINE": IMPORT_MACHINE,
        "BACKUP_ACTIONS_LEDGER": "${LedgerTable}",
        "BACKUP_ACTIONS_SETTINGS": "${SettingsJson}",
        "BACKUP_ACTIONS_TAG_KEY": "${SecurityTagKey}",
        "BACKUP_ACTIONS_TAG_VALUE": "${SecurityTagValue}",
        "BACKUP_ACTIONS_TOPIC": "${TopicArn}",
    },
    schedule="rate(1 day)",
    # Lambda's longest: RDS takes minutes to delete, and a large account has hundreds of imports to look at.
    timeout_seconds=900,
)
"""Retention, for the import machine's ``scheduled``."""
