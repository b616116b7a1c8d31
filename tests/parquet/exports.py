"""Exports in a store, with their manifests: what ``query`` finds."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backup_actions.archive import Store
from backup_actions.model.export_manifest import (
    EXPORT_MANIFEST_NAME,
    ExportedColumn,
    ExportedTable,
    ExportManifest,
    Kind,
)
from backup_actions.parquet.column_types import athena_type

Path = tuple[str, ...]


def export(
    store: Store, date: str, tables: Mapping[Path, pa.Table], *, kind: Kind = "rds", resource: str = "shop-db"
) -> ExportManifest:
    """A complete export at the store's place; the files lie as RDS lays them."""
    manifest = ExportManifest(
        tool_version="1",
        created=f"{date}T05:00:00+00:00",
        kind=kind,
        source={"recovery_point": {"resourceId": resource}},
        date=date,
        as_of=f"{date}T03:00:00+00:00",
        route="snapshot-export",
        tables=tuple(_table(store, path, content) for path, content in tables.items()),
    )
    store.put_if_absent(EXPORT_MANIFEST_NAME, manifest.to_bytes())
    return manifest


def _table(store: Store, path: Path, content: pa.Table) -> ExportedTable:
    files = []
    if len(content):
        for number, part in enumerate((content.slice(0, len(content) // 2), content.slice(len(content) // 2))):
            data = io.BytesIO()
            pq.write_table(part, data)
            name = f"run/{path[0]}/{'.'.join(path[1:]) or path[0]}/1/part-{number:05}.gz.parquet"
            files.append(store.put_if_absent(name, data.getvalue()))
    columns = tuple(ExportedColumn(name=field.name, type=athena_type(field.type)) for field in content.schema)
    return ExportedTable(path=path, files=tuple(files), rows=len(content), columns=columns)


def orders(count: int, **more: Any) -> pa.Table:
    """``count`` orders, with these columns beside."""
    ids, customers = range(count), [f"c{number % 3}" for number in range(count)]
    return pa.table({"id": pa.array(ids, pa.int64()), "customer": pa.array(customers, pa.string()), **more})
