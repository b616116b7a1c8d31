"""The independent look: DynamoDB's files against their manifests, and the Parquet files against both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions.actions.dynamodb_export.original import Original, read_original
from backup_actions.actions.dynamodb_export.places import CONVERSION
from backup_actions.errors import ArchiveMissing, CorruptExport
from backup_actions.model.export_manifest import ExportedColumn
from backup_actions.model.manifest import StoredObject
from backup_actions.model.usage import Usage
from backup_actions.parquet import ConvertedTable, compare

if TYPE_CHECKING:
    from backup_actions.archive import Store
    from backup_actions.model.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What the converting job says that it wrote, and when; every word about the data is checked."""

    table: ConvertedTable
    created: str
    usage: Usage = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The form that is stored."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Conversion:
        """Raises ValueError, TypeError or KeyError for what is none."""
        raw = json.loads(data)
        table = raw["table"]
        return cls(
            table=ConvertedTable(
                files=tuple(StoredObject(**file) for file in table["files"]),
                rows=table["rows"],
                columns=tuple(ExportedColumn(**column) for column in table["columns"]),
                notes=tuple(table["notes"]),
            ),
            created=raw["created"],
            usage=raw.get("usage", {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was compared, and what was found. Without problems, both sides are there."""

    original: Original | None = None
    conversion: Conversion | None = None
    problems: tuple[str, ...] = ()

    def to_json(self) -> Mapping[str, Any]:
        """The part of the evidence that is about the data."""
        original, conversion = self.original, self.conversion
        return {
            "verified": not self.problems,
            "problems": list(self.problems),
            "export_arn": original.export_arn if original else "",
            "source_bytes": original.billed_bytes if original else 0,
            "items": original.items if original else 0,
            "original_files": len(original.files) if original else 0,
            "parquet_files": len(conversion.table.files) if conversion else 0,
        }


def verify(store: Store, export_arn: str, progress: Progress) -> Verification:
    """Every byte of the original hashed, every item of it found in Parquet, as often as there, and nothing else."""
    progress.start("verifying", None)
    try:
        original = read_original(store, export_arn)
    except CorruptExport as wrong:
        return Verification(problems=(str(wrong),))
    try:
        conversion = Conversion.from_bytes(store.read(CONVERSION))
    except (ArchiveMissing, ValueError, TypeError, KeyError) as wrong:
        return Verification(original=original, problems=(f"{CONVERSION} cannot be read: {wrong}",))
    problems = compare(original.files, source=store, to=store, table=conversion.table, progress=progress)
    return Verification(original=original, conversion=conversion, problems=problems)
