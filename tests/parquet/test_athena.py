"""The DDL for Athena: its types are those of the files, its places those where the files lie."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.parquet.exports import export, orders
from tests.parquet.tables import Item, converted

from backup_actions.archive import FolderStore, S3Store
from backup_actions.parquet.athena import athena_tables
from backup_actions.parquet.column_types import arrow_type
from backup_actions.parquet.exports import Export, Table, tables_of

BASE = "rds-export/resource_type=RDS/account=1/region=eu-central-1/resource=shop"


def in_bucket(folder: Path, *exports: tuple[str, str, dict[tuple[str, ...], pa.Table]]) -> list[Table]:
    """Tables of exports at these dates, as if they lay in a bucket."""
    found = []
    for date, point, tables in exports:
        manifest = export(FolderStore(folder / date / point), date, tables)
        client: Any = None
        found.append(Export(S3Store(client=client, bucket="b", prefix=f"{BASE}/date={date}/{point}"), manifest))
    return tables_of(found)


def ddl(*tables: Table) -> str:
    """All their statements."""
    return "\n".join(table.ddl() for table in athena_tables(tables))


def test_a_table_of_several_dates_is_one_with_projected_partitions(tmp_path: Path) -> None:
    path = ("shop", "public", "Orders")
    (table,) = in_bucket(
        tmp_path, ("2026-11-01", "job-1", {path: orders(4)}), ("2026-11-02", "job-2", {path: orders(4, x=[1.5] * 4)})
    )

    assert ddl(table) == (
        "CREATE EXTERNAL TABLE IF NOT EXISTS `shop_db_shop_public_orders` (\n"
        "  `id` bigint,\n  `customer` string,\n  `x` double\n)\n"
        "PARTITIONED BY (`date` string, `backup` string)\nSTORED AS PARQUET\n"
        f"LOCATION 's3://b/{BASE}/'\n"
        "TBLPROPERTIES (\n"
        "  'projection.enabled' = 'true',\n"
        "  'projection.date.type' = 'date',\n"
        "  'projection.date.format' = 'yyyy-MM-dd',\n"
        "  'projection.date.range' = '2026-11-01,NOW',\n"
        "  'projection.backup.type' = 'enum',\n"
        "  'projection.backup.values' = 'job-1/run/shop/public.Orders,job-2/run/shop/public.Orders',\n"
        f"  'storage.location.template' = 's3://b/{BASE}/date=${{date}}/${{backup}}/'\n"
        ");"
    )


def test_every_file_lies_where_the_projection_looks(tmp_path: Path) -> None:
    path = ("shop", "public", "orders")
    (table,) = in_bucket(
        tmp_path, ("2026-11-01", "job-1", {path: orders(4)}), ("2026-11-02", "job-2", {path: orders(4)})
    )
    statement = ddl(table)
    template = re.search(r"template' = '([^']+)'", statement)
    values = re.search(r"values' = '([^']+)'", statement)
    assert template
    assert values
    places = [
        template[1].replace("${date}", date).replace("${backup}", backup)
        for date in table.dates
        for backup in values[1].split(",")
    ]

    for edition in table.editions:
        for file in edition.table.files:
            assert any(f"{edition.export.store.location}/{file.name}".startswith(place) for place in places)


def test_types_are_those_of_the_files(tmp_path: Path) -> None:
    item: Item = {
        "id": {"S": "a"},
        "n": {"N": "1.5"},
        "m": {"M": {}},
        "b": {"B": "AA=="},
        "s": {"SS": ["x"]},
        "ns": {"NS": ["7"]},
        "ok": {"BOOL": True},
    }
    table, _ = converted(tmp_path, [item], keys={"id": "S"})
    schema = pq.read_schema(tmp_path / "table" / table.files[0].name)

    assert {column.name: arrow_type(column.type) for column in table.columns} == {
        field.name: field.type for field in schema
    }


def test_a_column_named_as_a_partition_keeps_its_name(tmp_path: Path) -> None:
    (table,) = in_bucket(tmp_path, ("2026-11-01", "job-1", {("t",): pa.table({"date": ["x", "y"], "it's": [1, 2]})}))

    assert "PARTITIONED BY (`backup_date` string, `backup` string)" in ddl(table)
    assert "date=${backup_date}/" in ddl(table)


@pytest.mark.parametrize("rows", [0, 2])
def test_a_folder_and_an_empty_table_have_no_ddl(tmp_path: Path, rows: int) -> None:
    (table,) = in_bucket(tmp_path, ("2026-11-01", "job-1", {("t",): orders(rows)}))
    (edition,) = table.editions
    local = replace(table, editions=(replace(edition, export=replace(edition.export, store=FolderStore(tmp_path))),))

    assert ddl(local) == ""
    assert bool(ddl(table)) == bool(rows)
