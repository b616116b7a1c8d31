"""One description of a table, told in two ways: as a statement for Athena and as Glue's API takes it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from backup_actions.catalogue import GlueTable, PlacedExport, glue_tables
from backup_actions.model.export_manifest import ExportedColumn, ExportedTable, ExportManifest, Kind
from backup_actions.model.manifest import StoredObject

ROOT = "s3://b/rds-export/resource_type=RDS/account=1/region=eu-central-1/resource="


def placed(
    date: str,
    *paths: tuple[str, ...],
    resource: str = "shop-db",
    columns: tuple[str, ...] = ("id",),
    kind: Kind = "rds",
    as_of: str = "03:00",
) -> PlacedExport:
    """An export of these tables, which have a file each."""
    tables = tuple(
        ExportedTable(
            path=path,
            files=(StoredObject(name=f"run/{path[-1]}/1/part.parquet", size_bytes=1, crc64nvme=""),),
            rows=1,
            columns=tuple(ExportedColumn(name=name, type="bigint") for name in columns),
        )
        for path in paths
    )
    manifest = ExportManifest(
        tool_version="1",
        created="",
        kind=kind,
        source={"recovery_point": {"resourceId": resource}},
        date=date,
        as_of=f"{date}T{as_of}",
        route="",
        tables=tables,
    )
    return PlacedExport(f"{ROOT}{resource}/date={date}/job-{date[-2:]}{as_of[:2]}", manifest)


def only(*exports: PlacedExport) -> GlueTable:
    (table,) = glue_tables(exports)
    return table


def said_by(ddl: str) -> dict[str, Any]:
    """What a statement says, in the words of a TableInput."""
    name = re.search(r"IF NOT EXISTS `([^`]+)`", ddl)
    location = re.search(r"LOCATION '([^']+)'", ddl)
    partitions = re.search(r"PARTITIONED BY \((.+)\)", ddl)
    assert name
    assert location
    return {
        "name": name[1],
        "location": location[1],
        "columns": re.findall(r"^  `([^`]+)` (\S+?),?$", ddl, re.MULTILINE),
        "partitions": re.findall(r"`([^`]+)` string", partitions[1]) if partitions else [],
        "properties": dict(re.findall(r"'([^']+)' = '([^']+)'", ddl)),
    }


@pytest.mark.parametrize("columns", [("id", "customer"), ("date", "backup")])
def test_the_statement_and_the_table_of_glue_say_the_same(columns: tuple[str, ...]) -> None:
    path = ("shop", "public", "orders")
    table = only(placed("2026-11-01", path, columns=columns), placed("2026-11-02", path, columns=columns))
    given = table.table_input()
    storage = given["StorageDescriptor"]

    assert said_by(table.ddl()) == {
        "name": given["Name"],
        "location": storage["Location"],
        "columns": [(column["Name"], column["Type"]) for column in storage["Columns"]],
        "partitions": [column["Name"] for column in given["PartitionKeys"]],
        "properties": {
            name: value for name, value in given["Parameters"].items() if name not in {"EXTERNAL", "classification"}
        },
    }


def test_the_newest_export_says_which_columns_there_are_in_whatever_order_they_are_found() -> None:
    old, new = placed("2026-11-01", ("t",)), placed("2026-11-02", ("t",), columns=("id", "more"))

    assert only(new, old) == only(old, new)
    assert list(only(new, old).columns) == ["id", "more"]
    assert only(new, old).projection["projection.date.range"] == "2026-11-01,NOW"


def test_the_same_table_of_two_databases_is_two_tables_named_after_them() -> None:
    path = ("shop", "public", "orders")
    tables = glue_tables([placed("2026-11-01", path, resource=name) for name in ("staging", "shop-prod")])

    assert [table.name for table in tables] == ["shop_prod_shop_public_orders", "staging_shop_public_orders"]


def test_a_table_of_dynamodb_is_named_after_itself() -> None:
    assert only(placed("2026-11-01", ("Shop.Orders",), resource="Shop.Orders", kind="dynamodb")).name == "shop_orders"


def test_tables_that_differ_in_what_a_name_cannot_say_are_told_apart() -> None:
    tables = glue_tables([placed("2026-11-01", ("Orders",), ("orders",), ("others",))])

    names = [table.name for table in tables]
    assert len(set(names)) == 3
    assert "shop_db_others" in names
    assert all(re.fullmatch(r"shop_db_orders_[0-9a-f]{8}|shop_db_others", name) for name in names)
    assert [table.distinct_name for table in tables if table.name != "shop_db_others"] == names[:2]


def test_a_long_name_stays_within_what_athena_takes() -> None:
    table = only(placed("2026-11-01", *[("d" * 63, "s" * 63, "t" * 63)], resource="r" * 100))

    assert len(table.name) == len(table.distinct_name) == 255


def test_of_columns_that_differ_in_case_alone_glue_has_the_first() -> None:
    assert list(only(placed("2026-11-01", ("t",), columns=("Id", "ID", "x"))).columns) == ["Id", "x"]


def test_a_table_that_cannot_be_projected_is_left_out_and_the_others_are_not() -> None:
    assert [table.path for table in glue_tables([placed("2026-11-01", ("a,b",), ("c",))])] == [("c",)]
