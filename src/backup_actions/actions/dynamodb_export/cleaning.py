"""What a run leaves on AWS besides its jobs, and a round of removing it. Everything is found by the run's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.actions.dynamodb_export.places import run_prefix, temporary_table
from backup_actions.aws import World, translated
from backup_actions.aws.documents import read_object
from backup_actions.aws.objects import abort_uploads, delete_objects, object_keys
from backup_actions.errors import AwsCallFailed
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, may_be_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import ExportSummaryTypeDef

Event = Mapping[str, Any]

_UNDER_WAY = frozenset({"PENDING", "RUNNING"})


def clean(world: World, event: Event) -> Mapping[str, Any]:
    """Remove what can be removed, and name what has to end first: such a round is repeated until nothing is named.

    Neither a restore nor an export can be cancelled: both are waited for, or they would leave something afterwards.
    """
    pending = list(_restores(world, event)) or [*_exports(world, event), *_table(world, event)]
    return {"pending": pending, "removed": 0 if pending else _discard(world, event)}


def _restores(world: World, event: Event) -> Iterator[str]:
    """Restore jobs of this backup under the role that only this action passes on."""
    ours = event["restoreRole"], event["recoveryPoint"]["arn"]
    with translated():
        for page in world.clients.backup.get_paginator("list_restore_jobs").paginate(ByResourceType="DynamoDB"):
            for job in page["RestoreJobs"]:
                if (job.get("IamRoleArn"), job.get("RecoveryPointArn")) == ours and job["Status"] in _UNDER_WAY:
                    yield f"restore job {job['RestoreJobId']} is {job['Status']}"


def _exports(world: World, event: Event) -> Iterator[str]:
    """Exports that still write below the run's prefix, of the live table or of the restored one."""
    names = (event["recoveryPoint"]["resourceId"], temporary_table(event["name"], event["run"]))
    for arn in (f"{event['tables']}/{name}" for name in names):
        for summary in _listed(world.clients.dynamodb, arn):
            if summary["ExportStatus"] == "IN_PROGRESS":
                with translated():
                    found = world.clients.dynamodb.describe_export(ExportArn=summary["ExportArn"])["ExportDescription"]
                if found.get("S3Prefix") == run_prefix(event["prefix"], event["run"]):
                    yield f"export {summary['ExportArn']} is {found['ExportStatus']}"


def _listed(dynamodb: DynamoDBClient, arn: str) -> Iterator[ExportSummaryTypeDef]:
    """Every export of a table that is, or was, in this account."""
    token: dict[str, Any] = {}
    while True:
        with translated():
            page = dynamodb.list_exports(TableArn=arn, **token)
        yield from page["ExportSummaries"]
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


def _table(world: World, event: Event) -> Iterator[str]:
    """The restored table: deleted as soon as it can be, and waited for until it is gone."""
    name = temporary_table(event["name"], event["run"])
    try:
        with translated():
            status = world.clients.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
            if status not in {"CREATING", "UPDATING", "DELETING"}:
                world.clients.dynamodb.delete_table(TableName=name)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != "ResourceNotFoundException":
            raise
    else:
        yield f"table {name} is {status}"


def _discard(world: World, event: Event) -> int:
    """Abort the run's uploads and remove its objects, unless the manifest names them or may name them."""
    s3, bucket, inside = world.clients.s3, event["bucket"], f"{run_prefix(event['prefix'], event['run'])}/"
    aborted = abort_uploads(s3, bucket, inside)
    if _may_be_named(world, event):
        return aborted
    keys = object_keys(s3, bucket, inside)
    delete_objects(s3, bucket, keys)
    return aborted + len(keys)


def _may_be_named(world: World, event: Event) -> bool:
    s3, bucket, key = world.clients.s3, event["bucket"], f"{event['prefix']}/{EXPORT_MANIFEST_NAME}"
    if key not in object_keys(s3, bucket, key):  # a listing is allowed where asking for what is not there is not
        return False
    stored = read_object(s3, bucket, key)
    return stored is not None and may_be_of(stored, "run", event["run"])
