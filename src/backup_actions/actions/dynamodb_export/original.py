"""DynamoDB's own files: what its manifests say, checked as far as that goes without reading the data.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.actions.dynamodb_export.places import ORIGINAL
from backup_actions.errors import ArchiveMissing, CorruptExport
from backup_actions.parquet import ExportFile

if TYPE_CHECKING:
    from backup_actions.archive import Store

_SUMS = ("checksum", "md5")
"""How the file beside a manifest may be called; both are found in AWS's own examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """An export whose manifests agree with themselves. Names of files are relative to the prefix of the run."""

    export_arn: str
    export_time: str
    items: int
    billed_bytes: int
    files: tuple[ExportFile, ...]


def read_original(store: Store, export_arn: str) -> Original:
    """The export as its manifests state it. Raises CorruptExport where they are missing, altered or at odds."""
    folder = f"{ORIGINAL}/{export_arn.rpartition('/')[2]}"
    summary = _json(store, f"{folder}/manifest-summary.json")
    listing = f"{folder}/manifest-files.json"
    try:
        if _inside(folder, summary["manifestFilesS3Key"]) != listing:
            raise CorruptExport(file=listing, reason=f"the summary names {summary['manifestFilesS3Key']} instead")
        kind = summary["outputFormat"], summary["exportType"], summary["exportArn"]
        if kind != ("DYNAMODB_JSON", "FULL_EXPORT", export_arn):
            raise CorruptExport(file=f"{folder}/manifest-summary.json", reason=f"it is of {kind}")
        files = tuple(_files(store, folder, listing))
        original = Original(
            export_arn=export_arn,
            export_time=str(summary["exportTime"]),
            items=int(summary["itemCount"]),
            billed_bytes=int(summary["billedSizeBytes"]),
            files=files,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as wrong:
        raise CorruptExport(file=folder, reason=f"a manifest cannot be read: {wrong!r}") from wrong
    _check_counts(original, listing)
    return original


def _files(store: Store, folder: str, listing: str) -> Iterable[ExportFile]:
    for line in _checked(store, listing).splitlines():
        entry = json.loads(line)
        name = _inside(folder, entry["dataFileS3Key"])
        yield ExportFile(name=name, md5=entry["md5Checksum"], items=int(entry["itemCount"]))


def _check_counts(original: Original, listing: str) -> None:
    counted = sum(file.items for file in original.files)
    if counted != original.items:
        raise CorruptExport(file=listing, reason=f"its files have {counted} items, the summary says {original.items}")
    if len({file.name for file in original.files}) != len(original.files):
        raise CorruptExport(file=listing, reason="a file is listed twice")


def _inside(folder: str, key: str) -> str:
    """A key of a manifest, with or without the prefix that was asked for, as a name relative to that prefix."""
    before, found, name = key.rpartition(f"{folder}/")
    if not found or (before and not before.endswith("/")):
        raise CorruptExport(file=folder, reason=f"it refers to {key}, which is not in it")
    return f"{folder}/{name}"


def _json(store: Store, name: str) -> dict[str, Any]:
    try:
        document = json.loads(_checked(store, name))
    except ValueError as wrong:
        raise CorruptExport(file=name, reason=f"it is no JSON: {wrong}") from wrong
    if not isinstance(document, dict):
        raise CorruptExport(file=name, reason="it is no JSON object")
    return document


def _checked(store: Store, name: str) -> bytes:
    """A manifest that agrees with the MD5 that lies beside it."""
    content = _read(store, name)
    if content is None:
        raise CorruptExport(file=name, reason="it is not there")
    stem = name.removesuffix("json")
    stated = next((found for kind in _SUMS if (found := _read(store, f"{stem}{kind}")) is not None), None)
    if stated is None:
        raise CorruptExport(file=name, reason="its checksum is not there")
    if base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()) != stated.strip():
        raise CorruptExport(file=name, reason="it does not have the checksum that lies beside it")
    return content


def _read(store: Store, name: str) -> bytes | None:
    try:
        return store.read(name)
    except ArchiveMissing:
        return None
