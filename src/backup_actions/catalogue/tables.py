"""Tables of Glue whose partitions are computed, not registered: as Glue's API takes them, and as Athena's DDL."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from backup_actions.model.export_manifest import ExportedTable, ExportManifest

if TYPE_CHECKING:
    from types_boto3_glue.type_defs import StorageDescriptorTypeDef, TableInputTypeDef

_DATE = re.compile(r"/date=\d{4}-\d{2}-\d{2}(?=/|$)")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_]+")

# https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
_LONGEST_NAME = 255

# What Athena itself stores for STORED AS PARQUET.
# https://docs.aws.amazon.com/athena/latest/ug/parquet-serde.html
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"
_PARQUET: StorageDescriptorTypeDef = {
    "InputFormat": f"{_HIVE}.MapredParquetInputFormat",
    "OutputFormat": f"{_HIVE}.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": f"{_HIVE}.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


@dataclass(frozen=True, slots=True)
class PlacedExport:
    """A complete export and the ``s3://…`` location of its manifest."""

    location: str
    manifest: ExportManifest


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueTable:
    """A table of one source with all its backups."""

    path: tuple[str, ...]
    """Its name in the source."""
    name: str
    columns: Mapping[str, str]
    """Name → Athena's type, of the newest export."""
    partitions: tuple[str, ...]
    location: str
    projection: Mapping[str, str]
    """Table properties that compute the partitions."""

    @property
    def distinct_name(self) -> str:
        """A name that no table of another place has."""
        mark = "_" + hashlib.sha256("\n".join((self.location, *self.path)).encode()).hexdigest()[:8]
        return self.name if self.name.endswith(mark) else self.name[: _LONGEST_NAME - len(mark)] + mark

    def ddl(self) -> str:
        """The statement that makes it known to Athena."""
        columns = ",\n".join(f"  {_ticked(name)} {kind}" for name, kind in self.columns.items())
        lines = [f"CREATE EXTERNAL TABLE IF NOT EXISTS {_ticked(self.name)} (\n{columns}\n)"]
        if self.partitions:
            lines.append(f"PARTITIONED BY ({', '.join(f'{_ticked(name)} string' for name in self.partitions)})")
        lines += ["STORED AS PARQUET", f"LOCATION {_text(self.location)}"]
        if self.projection:
            properties = ",\n".join(f"  {_text(name)} = {_text(value)}" for name, value in self.projection.items())
            lines.append(f"TBLPROPERTIES (\n{properties}\n)")
        return "\n".join(lines) + ";"

    def table_input(self, name: str = "") -> TableInputTypeDef:
        """The same as a TableInput, under another name if one is given.

        https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
        """
        return {
            "Name": name or self.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", **self.projection},
            "PartitionKeys": [{"Name": name, "Type": "string"} for name in self.partitions],
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": kind} for name, kind in self.columns.items()],
                "Location": self.location,
                **_PARQUET,
            },
        }


@dataclass(slots=True)
class _Found:
    """What is known of a table so far. ``newest`` orders the exports that were seen."""

    newest: tuple[str, str] = ("", "")
    first_date: str = ""
    words: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    below: set[str] = field(default_factory=set)


def glue_tables(exports: Iterable[PlacedExport]) -> list[GlueTable]:
    """One table for each table of a source that has rows in an export, by place. Exports are not kept in memory.

    ``date`` is a projected partition, so that backups to come are found without another statement where they lie under
    a known ``backup``; ``backup`` is the path between the date and the files.
    https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
    """
    found: dict[tuple[str, tuple[str, ...]], _Found] = {}
    for export in exports:
        for table in export.manifest.tables:
            before, below = _place(export, table)
            if table.files and "," not in below:  # the values of a projected partition are joined by commas
                _add(found.setdefault((before, table.path), _Found()), export, table, below)
    tables = [_table(before, path, known) for (before, path), known in sorted(found.items())]
    wanted = Counter(table.name for table in tables)
    return [table if wanted[table.name] == 1 else replace(table, name=table.distinct_name) for table in tables]


def _place(export: PlacedExport, table: ExportedTable) -> tuple[str, str]:
    """The location above the date, and the path from below the date to the folder that holds all files."""
    folders = [file.name.split("/")[:-1] for file in table.files]
    shared = [steps[0] for steps in takewhile(lambda steps: len(set(steps)) == 1, zip(*folders, strict=False))]
    if export.manifest.kind == "rds" and shared and shared[-1].isdigit():
        shared.pop()  # the only batch of this export: another export has more of them
    whole = "/".join((export.location, *shared))
    if (date := _DATE.search(whole)) is None:
        return whole, ""
    return whole[: date.start()], whole[date.end() :].strip("/")


def _add(known: _Found, export: PlacedExport, table: ExportedTable, below: str) -> None:
    manifest = export.manifest
    known.below.add(below)
    known.first_date = min(known.first_date or manifest.date, manifest.date)
    if (manifest.as_of, export.location) >= known.newest:
        known.newest = manifest.as_of, export.location
        # Two databases have the same tables more often than not; a table of DynamoDB's is the resource itself.
        point = manifest.source.get("recovery_point") or {}
        resource = str(point.get("resourceId", "")) if manifest.kind == "rds" else ""
        known.words = tuple(filter(None, (resource, *table.path)))
        known.columns = _columns(table)


def _columns(table: ExportedTable) -> dict[str, str]:
    """Glue does not tell upper from lower case: of columns that differ in that alone it can have only one."""
    first: dict[str, tuple[str, str]] = {}
    for column in table.columns:
        first.setdefault(column.name.casefold(), (column.name, column.type))
    return dict(first.values())


def _table(before: str, path: tuple[str, ...], known: _Found) -> GlueTable:
    taken = {name.casefold() for name in known.columns}
    date, backup = ("backup_date" if "date" in taken else "date"), ("backup_path" if "backup" in taken else "backup")
    dated = "" not in known.below
    return GlueTable(
        path=path,
        name=_NOT_IN_A_NAME.sub("_", "_".join(known.words).casefold()).strip("_")[:_LONGEST_NAME],
        columns=known.columns,
        partitions=(date, backup) if dated else (),
        location=f"{before}/",
        projection=_projection(date, backup, before, known) if dated else {},
    )


def _projection(date: str, backup: str, before: str, known: _Found) -> dict[str, str]:
    return {
        "projection.enabled": "true",
        f"projection.{date}.type": "date",
        f"projection.{date}.format": "yyyy-MM-dd",
        f"projection.{date}.range": f"{known.first_date},NOW",
        f"projection.{backup}.type": "enum",
        f"projection.{backup}.values": ",".join(sorted(known.below)),
        "storage.location.template": f"{before}/date=${{{date}}}/${{{backup}}}/",
    }


def _ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("'", "\\'") + "'"
