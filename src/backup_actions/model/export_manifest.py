"""``export.json``: written last, so that its presence means that an export was looked through and holds what it says.

It stands in the folder of one export and says which tables there are and where their Parquet files lie below it.
The format is specified in ``docs/queries.md``. Field names in JSON are the ones here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Self

from backup_actions.errors import ManifestUnreadable
from backup_actions.model.manifest import StoredObject
from backup_actions.model.sealed_json import check_values, sealed, unsealed

FORMAT = "backup-actions/export"
FORMAT_VERSION = 1
EXPORT_MANIFEST_NAME = "export.json"

Kind = Literal["rds", "dynamodb"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedColumn:
    """A column of the Parquet files. ``type`` is Athena's word for it: ``decimal(38,9)``, ``array<string>``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTable:
    """A table with all the Parquet files that hold its rows; no file at all for a table that was empty.

    ``path`` is its name in the source, a step for each part that may have a dot in it: ``("shop", "public", "orders")``
    in PostgreSQL, ``("shop", "orders")`` in MySQL and MariaDB, ``("Orders",)`` in DynamoDB.
    """

    path: tuple[str, ...]
    files: tuple[StoredObject, ...]
    """Names are relative to the manifest; the checksum is empty where the store states none."""
    rows: int
    columns: tuple[ExportedColumn, ...]

    @property
    def name(self) -> str:
        """The name as people write it: ``shop.public.orders``."""
        return ".".join(self.path)

    @property
    def stored_bytes(self) -> int:
        """What its files occupy."""
        return sum(file.size_bytes for file in self.files)

    def brief(self) -> dict[str, Any]:
        """The table without the names of its files and columns, for reports."""
        return {"name": self.name, "rows": self.rows, "files": len(self.files), "stored_bytes": self.stored_bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportManifest:
    """Everything that a reader needs to query an export, and to know what it is an export of."""

    tool_version: str
    created: str
    kind: Kind
    source: Mapping[str, Any]
    """``recovery_point`` in its JSON form, and what else names the source: engine, key schema, the export's ARN."""
    date: str
    """The day of the backup, YYYY-MM-DD: ``date`` in queries."""
    as_of: str
    """The instant whose state the rows show, ISO 8601."""
    route: str
    """By which of its ways the action came to the rows, in a word or two: ``snapshot-export``."""
    tables: tuple[ExportedTable, ...]
    notes: tuple[str, ...] = ()
    """What this export does not preserve, a sentence each."""
    format: str = FORMAT
    format_version: int = FORMAT_VERSION

    @property
    def files(self) -> tuple[StoredObject, ...]:
        """The files of all tables."""
        return tuple(file for table in self.tables for file in table.files)

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def stored_bytes(self) -> int:
        """What all files occupy."""
        return sum(table.stored_bytes for table in self.tables)

    def to_bytes(self) -> bytes:
        """The manifest as it is stored: JSON for people too, with a hash over all the rest of it."""
        return sealed(dataclasses.asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raise ManifestUnreadable for anything that is not a manifest of a known version."""
        try:
            raw = unsealed(data, form=FORMAT, version=FORMAT_VERSION)
            tables = tuple(map(_table, raw.pop("tables")))
            manifest = cls(tables=tables, notes=tuple(raw.pop("notes")), **raw)
            check_values(manifest)
            _check_tables(manifest)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as wrong:
            raise ManifestUnreadable(reason=f"{type(wrong).__name__}: {wrong}") from wrong
        return manifest


def may_be_of(stored: bytes, name: str, value: str) -> bool:
    """Whether this is a manifest whose source has the value under the name; one that cannot be read may be."""
    try:
        return bool(ExportManifest.from_bytes(stored).source[name] == value)
    except (ManifestUnreadable, KeyError):
        return True


def _table(raw: dict[str, Any]) -> ExportedTable:
    return ExportedTable(
        path=tuple(raw.pop("path")),
        files=tuple(StoredObject(**file) for file in raw.pop("files")),
        columns=tuple(ExportedColumn(**column) for column in raw.pop("columns")),
        **raw,
    )


def _check_tables(manifest: ExportManifest) -> None:
    """Raise ValueError where a date is none, tables could be confused, or a file would lie elsewhere."""
    date.fromisoformat(manifest.date)
    paths = [table.path for table in manifest.tables]
    if len(set(paths)) != len(paths) or not all(all(path) and path for path in paths):
        raise ValueError(f"its tables are {paths}")
    for table in manifest.tables:
        for file in table.files:
            if any(step in {"", ".", ".."} for step in file.name.split("/")):
                raise ValueError(f"a file of {table.name} is named {file.name!r}")
        if table.rows and not table.files:
            raise ValueError(f"{table.name} has {table.rows} rows and no file")
