"""The short steps: choose the route, report what was stored, drop what is no longer needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from backup_actions.actions.dynamodb_export.places import ORIGINAL, run_prefix, temporary_table, verification_key
from backup_actions.actions.dynamodb_export.routes import LiveTable, choose_route
from backup_actions.aws import World, translated
from backup_actions.aws.documents import describe_object, read_document, read_object
from backup_actions.aws.objects import bucket_region, delete_objects, object_keys
from backup_actions.errors import AwsCallFailed, BucketElsewhere, NotVerified
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportManifest
from backup_actions.model.manifest_contents import require_place
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.model.usage import GIB, Counted, Usage, added, usage_of_jobs

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Event = Mapping[str, Any]

# A workflow's state holds 256 KiB, and an export may have thousands of files: the manifest has them all.
_MOST_NAMED = 100
_NO_TABLE = frozenset({"ResourceNotFoundException", "TableNotFoundException"})


def plan(world: World, event: Event) -> Mapping[str, Any]:
    """Say whether the export stands already, and else by which route it can be made.

    Raises RouteImpossible, BucketElsewhere.
    """
    # DynamoDB would write to it, encrypted with a key of its region: ours is of the stack's.
    region = bucket_region(world.clients.s3, event["bucket"])
    if region != event["region"]:
        raise BucketElsewhere(bucket=event["bucket"], bucket_region=region, region=event["region"])
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    with translated():
        described = world.clients.backup.describe_recovery_point(
            BackupVaultName=point.vault_name, RecoveryPointArn=str(point.arn)
        )
    manifest = describe_object(world.clients.s3, event["bucket"], f"{event['prefix']}/{EXPORT_MANIFEST_NAME}")
    foreign = (point.resource_arn.account, point.resource_arn.region) != (event["account"], event["region"])
    table = None if foreign else _live_table(world, point.resource_id)
    created = described["CreationDate"]
    route = choose_route(event["settings"]["route"], created, table, foreign=foreign)
    name = point.resource_id if route.name == "pitr" else temporary_table(event["name"], event["run"])
    home = replace(point.resource_arn, account=event["account"], region=event["region"], resource=f"table/{name}")
    return {
        "complete": manifest is not None,
        "route": route.name,
        "because": route.because,
        "notes": list(route.notes),
        "backedUpAt": created.isoformat(),
        "exportTime": f"{route.export_time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if route.export_time else "",
        "table": name,
        "tableArn": str(home),
    }


def _live_table(world: World, name: str) -> LiveTable | None:
    try:
        with translated():
            found = world.clients.dynamodb.describe_continuous_backups(TableName=name)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in _NO_TABLE:
            return None
        raise
    recovery = found["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return LiveTable(
        recovery_enabled=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        earliest=recovery.get("EarliestRestorableDateTime"),
    )


def report(world: World, event: Event) -> Mapping[str, Any]:
    """Say what was exported and whether it is verified, from what is stored. Raises NotVerified."""
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    manifest, verification, digest = _stored(s3, bucket, event)
    described = describe_object(s3, bucket, f"{prefix}/{EXPORT_MANIFEST_NAME}")
    if manifest is None or described is None:
        return _nothing_verified(event, verification).to_json()
    missing = _other_route(event, manifest) or _missing(
        object_keys(s3, bucket, f"{prefix}/"), event, manifest, verification
    )
    verified = _covers(verification, digest) and not missing
    files = manifest.files
    named = [Artifact.of(prefix, file) for file in files]
    return ActionReport(
        verified=verified,
        reason=missing or _verdict(verification, verified=verified),
        manifest_key=described.key,
        manifest_sha256=digest,
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=(described, *named[:_MOST_NAMED]),
        source_bytes=verification["source_bytes"],
        stored_bytes=manifest.stored_bytes,
        summary={
            "route": manifest.route,
            "because": verification["because"],
            "notes": list(manifest.notes),
            "tables": [{**table.brief(), "columns": len(table.columns)} for table in manifest.tables],
        },
        usage=_usage(event, verification) if event["exported"] else {},
    ).to_json()


def _usage(event: Event, verification: Mapping[str, Any]) -> Usage:
    """What this run's export was of, what its jobs used, and a restored table that was there until a moment ago."""
    gib, table_hours = verification["source_bytes"] / GIB, event["tableSeconds"] / 3600
    restored: dict[str, float] = {
        Counted.DYNAMODB_RESTORED_GIB: gib,
        Counted.DYNAMODB_TABLE_GIB_HOURS: gib * table_hours,
    }
    exported: dict[str, float] = {
        Counted.DYNAMODB_EXPORTED_GIB: gib,
        Counted.PUT_REQUESTS: verification["original_files"],  # DynamoDB's own: at least one a file
        **(restored if table_hours else {}),
    }
    return added((usage_of_jobs(event["jobs"]), exported, verification.get("usage", {})))


def drop_original(world: World, event: Event) -> Mapping[str, int]:
    """Remove DynamoDB's own files, only where a verification covers what was made of them. Raises NotVerified."""
    s3, bucket = world.clients.s3, event["bucket"]
    manifest, verification, digest = _stored(s3, bucket, event)
    if manifest is None or not _covers(verification, digest):
        raise NotVerified(reason=_verdict(verification, verified=False))
    keys = object_keys(s3, bucket, _place_of_original(event, manifest))
    delete_objects(s3, bucket, keys)
    return {"removed": len(keys)}


def _stored(s3: S3Client, bucket: str, event: Event) -> tuple[ExportManifest | None, dict[str, Any], str]:
    """The manifest if there is one, the verification, and the manifest's hash. Raises NotVerified."""
    key = f"{event['prefix']}/{EXPORT_MANIFEST_NAME}"
    stored = read_object(s3, bucket, key)
    verification = read_document(s3, bucket, verification_key(event["evidencePrefix"]))
    if verification is None:
        raise NotVerified(reason=f"there is no verification of {key}")
    if stored is None:
        return None, verification, ""
    manifest = ExportManifest.from_bytes(stored)
    require_place(manifest, event["prefix"])
    return manifest, verification, hashlib.sha256(stored).hexdigest()


def _place_of_original(event: Event, manifest: ExportManifest) -> str:
    return f"{run_prefix(event['prefix'], manifest.source['run'])}/{ORIGINAL}/"


def _covers(verification: Mapping[str, Any], digest: str) -> bool:
    return bool(digest) and verification["verified"] is True and verification["manifest_sha256"] == digest


def _nothing_verified(event: Event, verification: Mapping[str, Any]) -> ActionReport:
    return ActionReport(
        verified=False,
        reason=_verdict(verification, verified=False),
        manifest_key=f"{event['prefix']}/{EXPORT_MANIFEST_NAME}",
        manifest_sha256="",
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=(),
        source_bytes=verification["source_bytes"],
        stored_bytes=0,
    )


def _other_route(event: Event, manifest: ExportManifest) -> str | None:
    """Why an export that another run has made, by other settings, is not what these ask for, if it is not.

    What was restored from the backup is never less than the history of the table.
    """
    if event["route"] != "restore" or manifest.route == "restore":
        return None
    return (
        "an earlier run exported the table's history, and the settings ask for what is restored from the backup: "
        f"{_again(event)}"
    )


def _again(event: Event) -> str:
    key = f"{event['prefix']}/{EXPORT_MANIFEST_NAME}"
    return f"remove {key} and replay the recovery point with --again, then it is exported anew"


def _missing(
    keys: Sequence[str], event: Event, manifest: ExportManifest, verification: Mapping[str, Any]
) -> str | None:
    """What of all that was verified is no longer there, if anything."""
    there, prefix = set(keys), event["prefix"]
    gone = [file.name for file in manifest.files if f"{prefix}/{file.name}" not in there]
    if gone:
        return f"{len(gone)} verified files are not there any more, {gone[0]} among them"
    place = _place_of_original(event, manifest)
    original = sum(key.startswith(place) and "/data/" in key for key in there)
    if event["keepOriginal"] and verification["original_files"] and not original:
        return f"DynamoDB's own files are gone, and the settings ask to keep them: {_again(event)}"
    if event["keepOriginal"] and original != verification["original_files"]:
        return f"{original} of DynamoDB's data files are there, and {verification['original_files']} were verified"
    return None


def _verdict(verification: Mapping[str, Any], *, verified: bool) -> str:
    if not verified:
        found = "; ".join(verification["problems"][:3]) or "nothing wrong, but the manifest stored is another or none"
        return f"the verification found: {found}"
    return (
        f"all {verification['items']} items of {verification['original_files']} files of DynamoDB's found in "
        f"{verification['parquet_files']} of Parquet (route {verification['route']}: {verification['because']})"
    )
