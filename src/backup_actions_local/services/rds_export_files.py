"""What an export of a snapshot lays down in S3: a Parquet folder a table, and what RDS says of each.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.FileNames.html; the forms of the two kinds of
JSON files and the empty ``_SUCCESS`` are those that public programs read.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from backup_actions_local.databases.engine import Table
    from backup_actions_local.services.rds_records import ExportTask

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html: what is left out, and what of a
# prefix becomes an underscore
_NOT_IN_A_COLUMN = re.compile(r"[ ,;{}()=\n\t]")
_NOT_IN_A_KEY = re.compile(r"[\\`\" ]")

_ROWS_A_FILE = 600
_TABLES_AN_INFO_FILE = 4
"""RDS's own number is unknown; this one is small, so that there are several."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A table that the export leaves out, and why."""

    table: Table
    reason: str


def target_of(table: Table) -> str:
    """A table as RDS names it: database, schema and table joined by dots."""
    return ".".join(table.path)


def sorted_out(tables: Sequence[Table], only: Sequence[str]) -> tuple[list[Table], list[Skipped]]:
    """Of the tables that were asked for, those that can be exported, and the others."""
    asked_for = [table for table in tables if not only or any(_is_meant(table, name) for name in only)]
    skipped = [Skipped(table, reason) for table in asked_for if (reason := _obstacle(table))]
    left_out = {each.table.path for each in skipped}
    return [table for table in asked_for if table.path not in left_out], skipped


def folder_of(table: Table) -> str:
    """Where a table's files lie, below the export's own folder."""
    database, *rest = table.path
    name = ".".join(rest) if len(rest) > 1 else f"{database}.{rest[0]}"
    return _NOT_IN_A_KEY.sub("_", f"{database}/{name}")


def files_of(task: ExportTask, table: Table) -> Iterator[tuple[str, bytes]]:
    """The Parquet files of a table, without numbers 1 to n: gaps are normal. An empty table has one without rows."""
    rows = table.rows
    starts = range(0, max(1, rows.num_rows), _ROWS_A_FILE)
    for number, start in enumerate(starts):
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{task.id}/{target_of(table)}/{start}")
        written = BytesIO()
        pq.write_table(rows.slice(start, _ROWS_A_FILE), written, compression="gzip")
        yield f"{folder_of(table)}/1/part-{number * 2:05}-{name}-c000.gz.parquet", written.getvalue()
    yield f"{folder_of(table)}/1/_SUCCESS", b""


def info(task: ExportTask, folder: str) -> bytes:
    """``export_info_<id>.json``."""
    asked = task.asked
    return _json(
        {
            "exportTaskIdentifier": task.id,
            "sourceArn": asked["SourceArn"],
            "exportOnly": list(asked.get("ExportOnly") or []),
            "snapshotTime": _moment(task.snapshot.created),
            "taskStartTime": _moment(task.started),
            "taskEndTime": _moment(task.ended or task.started),
            "s3Bucket": asked["S3BucketName"],
            "s3Prefix": asked.get("S3Prefix") or "",
            "exportedFilesPath": folder,
            "iamRoleArn": asked["IamRoleArn"],
            "kmsKeyId": asked["KmsKeyId"],
            "status": "COMPLETE",
            "percentProgress": 100,
            "totalExportedDataInGB": 0.0,
            **({"warningMessage": task.warning_message} if task.warning_message else {}),
        }
    )


def tables_infos(task: ExportTask, tables: Sequence[Table]) -> Iterator[tuple[str, bytes]]:
    """``export_tables_info_<id>_from_<n>_to_<m>.json``, as many as it takes."""
    for start in range(0, len(tables), _TABLES_AN_INFO_FILE):
        part = tables[start : start + _TABLES_AN_INFO_FILE]
        name = f"export_tables_info_{task.id}_from_{start + 1}_to_{start + len(part)}.json"
        yield name, _json({"perTableStatus": [_status(table) for table in part]})


def warning(skipped: Sequence[Skipped], general: Sequence[str]) -> str:
    """The task's WarningMessage; empty when there is nothing to warn of."""
    if not skipped and not general:
        return ""
    said = {
        "skippedTables": [{"tableName": target_of(each.table), "reason": each.reason} for each in skipped],
        "skippedObjectives": [],  # so spelt by RDS
        "general": [{"reason": reason} for reason in general],
    }
    return json.dumps(said, separators=(",", ":"))


def _obstacle(table: Table) -> str:
    if any(_NOT_IN_A_COLUMN.search(column.name) for column in table.columns):
        return "COLUMN_NAME_NOT_SUPPORTED"
    if "/" in table.path[-1]:
        return "TABLE_NAME_NOT_SUPPORTED"
    return "" if table.durable else "UNLOGGED_TABLE"


def _is_meant(table: Table, only: str) -> bool:
    steps = only.split(".")
    return tuple(steps) == table.path[: len(steps)]


def _status(table: Table) -> dict[str, Any]:
    return {
        "target": target_of(table),
        "status": "COMPLETE",
        "sizeGB": round(table.rows.nbytes / (1 << 30), 9),
        "tableStatistics": {"partitioningInfo": {"numberOfPartitions": 1, "numberOfCompletedPartitions": 1}},
        "schemaMetadata": {
            "originalTypeMappings": [
                {
                    "columnName": column.name,
                    "originalType": column.source_type,
                    "expectedExportedType": str(kind),
                }
                for column, kind in zip(table.columns, table.rows.schema.types, strict=True)
            ]
        },
    }


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode()


def _moment(when: Any) -> str:
    return f"{when:%b %d, %Y, %I:%M:%S %p}"
