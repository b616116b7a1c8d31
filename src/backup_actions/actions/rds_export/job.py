"""The long step: look through an export, and say in a manifest which tables there are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from backup_actions import __version__
from backup_actions.actions.rds_export.places import verification_key
from backup_actions.actions.rds_export.reading import Exported, read_export
from backup_actions.actions.rds_export.told import is_asked_for
from backup_actions.aws import World
from backup_actions.aws.documents import read_object, stand_once, write_document
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportManifest
from backup_actions.model.recovery_point import RecoveryPoint

Event = Mapping[str, Any]

ROUTE = "snapshot-export"
NOT_PRESERVED = (
    "Rows alone are exported: no views, indexes, constraints, sequences, functions, users or rights.",
    "RDS states no numbers of rows: those here were counted in the Parquet files, not in the database.",
    "A database cannot be restored from an export.",
)


def verify_export(world: World, event: Event) -> None:
    """The verification stands in the evidence; the manifest stands too, unless what RDS wrote contradicts itself.

    An export that another run has made, by other settings, is good if it has all that these ask for.
    """
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    manifest_key = f"{prefix}/{EXPORT_MANIFEST_NAME}"
    stored = read_object(s3, bucket, manifest_key)
    earlier = ExportManifest.from_bytes(stored) if stored is not None else None
    asked = {"export_task": event["exportTask"], "export_only": event["settings"]["export_only"]}
    told = earlier.source if earlier else {**event["source"], **asked, "warning": event["warning"]}
    found = read_export(
        s3,
        bucket,
        prefix,
        told["export_task"],
        family=told["family"],
        parts=told["export_only"],
        warning=told["warning"],
        progress=world.progress,
    )
    problems = list(found.problems)
    if earlier is not None and earlier.tables != found.tables:
        problems.append("what lies there is not what the manifest names")
    problems += _left_out(told["export_only"], asked["export_only"], manifest_key)
    if stored is None and not problems:
        made = _manifest(world, event, found, told).to_bytes()
        stored = stand_once(s3, bucket, manifest_key, made)
        # Another attempt, or the job of another zone, may have been quicker; then its manifest names the same files.
        if stored != made and ExportManifest.from_bytes(stored).tables != found.tables:
            problems.append("another run has written a manifest of other files meanwhile")
    document = {
        **_document(found, problems),
        "manifest_sha256": hashlib.sha256(stored).hexdigest() if stored is not None else None,
        "export_task": told["export_task"],
        "verified_at": world.clock.now().isoformat(),
        "usage": world.clients.requests.usage,
    }
    write_document(s3, bucket, verification_key(event["evidencePrefix"]), document)


def _left_out(exported: Sequence[str], asked: Sequence[str], manifest_key: str) -> list[str]:
    """What the settings ask for and an export of these parts does not have; empty if it has all."""
    missing = [part for part in asked if exported and not is_asked_for(part.split("."), exported)]
    if not exported or (asked and not missing):
        return []
    return [
        f"an earlier run exported {', '.join(exported)} alone, and the settings ask for "
        f"{', '.join(missing) or 'everything'}: remove {manifest_key} and replay the recovery point with "
        "--again, then it is exported anew"
    ]


def _document(found: Exported, problems: Sequence[str]) -> dict[str, Any]:
    return {
        "verified": not problems and not found.left_out,
        "problems": [*problems, *found.left_out],
        "rows": sum(table.rows for table in found.tables),
        "uncompressed_bytes": found.uncompressed_bytes,
        "tables": [table.brief() for table in found.tables],
    }


def _manifest(world: World, event: Event, found: Exported, source: Mapping[str, Any]) -> ExportManifest:
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    parts = source["export_only"]
    chosen = [f"Of the databases only {', '.join(parts)} was asked for."] if parts else []
    return ExportManifest(
        tool_version=__version__,
        created=world.clock.now().isoformat(),
        kind="rds",
        source={"recovery_point": point.to_json(), **source},
        date=_date_in(event["prefix"]),
        as_of=source["snapshot_created"],
        route=ROUTE,
        tables=found.tables,
        notes=(*NOT_PRESERVED, *chosen, *(f"RDS {sentence}." for sentence in found.left_out)),
    )


def _date_in(prefix: str) -> str:
    """The day that the export is filed under, from its own place."""
    (date,) = (step.removeprefix("date=") for step in prefix.split("/") if step.startswith("date="))
    return date
