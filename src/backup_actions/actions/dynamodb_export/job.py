"""The two long steps: make Parquet of DynamoDB's export, and compare the two."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from backup_actions import __version__
from backup_actions.actions.dynamodb_export.original import read_original
from backup_actions.actions.dynamodb_export.places import CONVERSION, PARQUET, run_prefix, verification_key
from backup_actions.actions.dynamodb_export.verification import Conversion, Verification, verify
from backup_actions.archive import S3Store
from backup_actions.aws import World
from backup_actions.aws.documents import write_document
from backup_actions.errors import ArchiveExists
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportedTable, ExportManifest
from backup_actions.model.usage import added
from backup_actions.parquet import ConversionOptions, convert

Event = Mapping[str, Any]

# Below this much text a second process takes longer to start than it saves.
_ONE_WORKER_BYTES = 64 << 20


def convert_export(world: World, event: Event) -> None:
    """The export's items stand as Parquet beside it, with a note of what was written. Raises CorruptExport."""
    store = _store(world, event, run_prefix(event["prefix"], event["run"]))
    if store.describe(CONVERSION) is not None:
        world.progress.note("an earlier attempt has completed the conversion")
        return
    original = read_original(store, event["exportArn"])
    converted = convert(
        original.files,
        source=store,
        to=store,
        folder=PARQUET,
        keys=_key_types(event["keys"]),
        options=ConversionOptions(workers=1) if original.billed_bytes < _ONE_WORKER_BYTES else None,
        progress=world.progress,
    )
    created, usage = world.clock.now().isoformat(), world.clients.requests.usage
    note = Conversion(table=converted, created=created, usage=usage)
    store.put_if_absent(CONVERSION, note.to_bytes())


def verify_export(world: World, event: Event) -> None:
    """The verification stands in the evidence; whether it is good is said in it, not by this job's exit code.

    Where it is good the export's manifest stands too: written last, its presence means that all the rest is there.
    Raises ArchiveExists, and leaves the evidence alone, where another run has completed an export meanwhile.
    """
    store = _store(world, event, event["prefix"])
    if store.describe(EXPORT_MANIFEST_NAME) is not None and not _is_ours(store, event["run"]):
        raise ArchiveExists(where=store.location)
    files = _store(world, event, run_prefix(event["prefix"], event["run"]))
    verification = verify(files, event["exportArn"], world.progress)
    manifest = _manifest(event, verification)
    document = {
        **verification.to_json(),
        "manifest_sha256": hashlib.sha256(manifest).hexdigest() if manifest else "",
        "route": event["plan"]["route"],
        "because": event["plan"]["because"],
        "notes": event["plan"]["notes"],
        "verified_at": world.clock.now().isoformat(),
        "usage": added(
            (verification.conversion.usage if verification.conversion else {}, world.clients.requests.usage)
        ),
    }
    write_document(world.clients.s3, event["bucket"], verification_key(event["evidencePrefix"]), document)
    if manifest:
        store.put_if_absent(EXPORT_MANIFEST_NAME, manifest)


def _manifest(event: Event, verification: Verification) -> bytes:
    """The manifest of what was found good, the same at every attempt; empty where it was not."""
    original, conversion, plan = verification.original, verification.conversion, event["plan"]
    if original is None or conversion is None or verification.problems:
        return b""
    converted = conversion.table
    table = ExportedTable(
        path=(event["recoveryPoint"]["resourceId"],),
        files=tuple(replace(file, name=f"{event['run']}/{file.name}") for file in converted.files),
        rows=converted.rows,
        columns=converted.columns,
    )
    return ExportManifest(
        tool_version=__version__,
        created=conversion.created,
        kind="dynamodb",
        source={
            "recovery_point": event["recoveryPoint"],
            "run": event["run"],
            "backed_up_at": plan["backedUpAt"],
            "export_arn": original.export_arn,
            "export_time": original.export_time,
            "keys": event["keys"],
        },
        date=plan["backedUpAt"][:10],
        as_of=original.export_time if plan["route"] == "pitr" else plan["backedUpAt"],
        route=plan["route"],
        tables=(table,),
        notes=(*plan["notes"], *converted.notes),
    ).to_bytes()


def _key_types(keys: Mapping[str, Any]) -> dict[str, str]:
    """Key attribute → S, N or B, the partition key first."""
    types = {each["AttributeName"]: each["AttributeType"] for each in keys["attributes"]}
    parts = sorted(keys["schema"], key=lambda part: part["KeyType"] != "HASH")
    return {part["AttributeName"]: types[part["AttributeName"]] for part in parts}


def _is_ours(store: S3Store, run: str) -> bool:
    return ExportManifest.from_bytes(store.read(EXPORT_MANIFEST_NAME)).source.get("run") == run


def _store(world: World, event: Event, prefix: str) -> S3Store:
    return S3Store(client=world.clients.s3, bucket=event["bucket"], prefix=prefix, storage_class=event["storageClass"])
