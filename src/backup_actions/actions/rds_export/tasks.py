"""The short steps: can it be exported, what came of it, and removing what is not whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.actions.rds_export.exportable import (
    FAMILIES,
    INSTEAD,
    objection,
    objection_to_parts,
    objection_to_place,
)
from backup_actions.actions.rds_export.places import verification_key
from backup_actions.aws import World, translated
from backup_actions.aws.documents import describe_object, read_document, read_object
from backup_actions.aws.objects import abort_uploads, bucket_region, delete_objects, object_keys
from backup_actions.errors import NotVerified
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportManifest, may_be_of
from backup_actions.model.manifest import StoredObject
from backup_actions.model.manifest_contents import require_place
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.model.usage import Counted, Usage, added, usage_of_jobs

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import DBClusterSnapshotTypeDef, DBSnapshotTypeDef

Event = Mapping[str, Any]

# A workflow's state holds 256 KiB, and an export may have a hundred thousand files: the manifest has them all.
_MOST_NAMED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """What DescribeDBSnapshots and DescribeDBClusterSnapshots say in different words."""

    engine: str
    version: str
    storage_type: str
    status: str
    created: str
    size_gib: int


def prepare(world: World, event: Event) -> Mapping[str, Any]:
    """Say whether RDS can export the snapshot to the bucket. Raises AwsCallFailed if there is no such snapshot."""
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    if point.arn.service != "rds":
        what = "a continuous backup" if point.is_continuous else f"{point.arn}, which only AWS Backup knows"
        return _no(f"RDS exports its own snapshots, not {what}: {INSTEAD}")
    snapshot = _snapshot(world.clients.rds, point)
    because = objection(
        engine=snapshot.engine,
        version=snapshot.version,
        storage_type=snapshot.storage_type,
        status=snapshot.status,
    )
    if because:
        return _no(because)
    family = FAMILIES[snapshot.engine]
    because = objection_to_parts(event["settings"]["export_only"], family) or objection_to_place(
        bucket_region=bucket_region(world.clients.s3, event["bucket"]),
        region=world.clients.region,
        prefix=event["prefix"],
    )
    if because:
        return _no(because)
    source = {"engine": snapshot.engine, "engine_version": snapshot.version, "snapshot_created": snapshot.created}
    return {
        "exportable": True,
        "reason": "",
        "source": {**source, "family": family},
        "snapshotGib": snapshot.size_gib,
    }


def report(world: World, event: Event) -> Mapping[str, Any]:
    """Say what was exported and whether it is whole, from what is stored. Raises NotVerified."""
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    verification = read_document(s3, bucket, verification_key(event["evidencePrefix"]))
    if verification is None:
        raise NotVerified(reason=f"there is no verification of {prefix}")
    manifest_key = f"{prefix}/{EXPORT_MANIFEST_NAME}"
    stored = read_object(s3, bucket, manifest_key)
    described = describe_object(s3, bucket, manifest_key)
    if stored is None or described is None:
        raise NotVerified(reason=_found(verification) or f"there is no {manifest_key}")
    manifest = ExportManifest.from_bytes(stored)
    require_place(manifest, prefix)
    digest = hashlib.sha256(stored).hexdigest()
    reason = _found(verification)
    if not reason and verification["manifest_sha256"] != digest:
        reason = "the verification is of another manifest than the one stored"
    reason = reason or _missing(object_keys(s3, bucket, f"{prefix}/"), prefix, manifest)
    files = manifest.files
    named = [Artifact.of(prefix, file) for file in files]
    return ActionReport(
        verified=not reason,
        reason=reason or f"{manifest.rows} rows in {len(files)} Parquet files of {len(manifest.tables)} tables",
        manifest_key=manifest_key,
        manifest_sha256=digest,
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=(described, *named[:_MOST_NAMED]),
        source_bytes=verification["uncompressed_bytes"],
        stored_bytes=manifest.stored_bytes,
        summary={
            "tables": [table.brief() for table in manifest.tables[:_MOST_NAMED]],
            "notes": list(manifest.notes),
        },
        usage=added((usage_of_jobs(event["jobs"]), _exported(event, files), verification.get("usage", {}))),
    ).to_json()


def _exported(event: Event, files: Sequence[StoredObject]) -> Usage:
    """RDS writes with requests that the bucket's owner pays for: at least one a file."""
    gib = event["exportedGib"]
    return {Counted.RDS_EXPORTED_GIB: gib, Counted.PUT_REQUESTS: len(files)} if gib else {}


def discard(world: World, event: Event) -> Mapping[str, int]:
    """Remove what this run's export wrote, unless a manifest names it or may name it."""
    s3, bucket = world.clients.s3, event["bucket"]
    inside = f"{event['prefix']}/{event['exportTask']}/"
    aborted = abort_uploads(s3, bucket, inside)
    stored = read_object(s3, bucket, f"{event['prefix']}/{EXPORT_MANIFEST_NAME}")
    if stored is not None and may_be_of(stored, "export_task", event["exportTask"]):
        return {"aborted": aborted, "removed": 0}
    keys = object_keys(s3, bucket, inside)
    delete_objects(s3, bucket, keys)
    return {"aborted": aborted, "removed": len(keys)}


def _no(reason: str) -> Mapping[str, Any]:
    return {"exportable": False, "reason": reason, "source": {}, "snapshotGib": 0}


def _snapshot(rds: RDSClient, point: RecoveryPoint) -> _Snapshot:
    found: DBClusterSnapshotTypeDef | DBSnapshotTypeDef
    with translated():
        if point.arn.resource.startswith("cluster-snapshot:"):
            clusters = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=point.native_id)
            found = clusters["DBClusterSnapshots"][0]
        else:
            found = rds.describe_db_snapshots(DBSnapshotIdentifier=point.native_id)["DBSnapshots"][0]
    return _Snapshot(
        engine=found["Engine"],
        version=found["EngineVersion"],
        storage_type=found.get("StorageType", ""),
        status=found["Status"],
        created=found["SnapshotCreateTime"].isoformat(),
        size_gib=found.get("AllocatedStorage", 0),
    )


def _found(verification: Mapping[str, Any]) -> str:
    if verification["verified"] is True:
        return ""
    problems = [str(problem) for problem in verification["problems"]]
    more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
    return f"the export is incomplete: {'; '.join(problems[:5])}{more}"


def _missing(keys: list[str], prefix: str, manifest: ExportManifest) -> str:
    there = set(keys)
    missing = next((file.name for file in manifest.files if f"{prefix}/{file.name}" not in there), None)
    return f"{missing} is in the manifest and not in the bucket" if missing else ""
