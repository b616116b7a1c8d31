"""``export.json``: what is written is read, and nothing else is."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from backup_actions.errors import ManifestUnreadable
from backup_actions.model.export_manifest import ExportedColumn, ExportedTable, ExportManifest, may_be_of
from backup_actions.model.manifest import StoredObject

ORDERS = ExportedTable(
    path=("shop", "public", "orders"),
    files=(
        StoredObject(name="shop/public.orders/1/part-0.gz.parquet", size_bytes=1000, crc64nvme="AAAAAAAAAAA="),
        StoredObject(name="shop/public.orders/2/part-0.gz.parquet", size_bytes=500, crc64nvme=""),
    ),
    rows=70,
    columns=(ExportedColumn(name="id", type="bigint"), ExportedColumn(name="total", type="decimal(12,2)")),
)
EMPTY = ExportedTable(path=("shop", "public", "empty"), files=(), rows=0, columns=())
MANIFEST = ExportManifest(
    tool_version="1.0",
    created="2026-11-22T10:00:00+00:00",
    kind="rds",
    source={"recovery_point": {"resourceId": "shop-db"}},
    date="2026-11-21",
    as_of="2026-11-21T03:00:00+00:00",
    route="snapshot-export",
    tables=(ORDERS, EMPTY),
    notes=("views are not exported",),
)


def changed(**fields: Any) -> bytes:
    return dataclasses.replace(MANIFEST, **fields).to_bytes()


def table(**fields: Any) -> dict[str, tuple[ExportedTable, ...]]:
    return {"tables": (dataclasses.replace(ORDERS, **fields),)}


def test_what_is_written_is_read() -> None:
    assert ExportManifest.from_bytes(MANIFEST.to_bytes()) == MANIFEST


def test_it_adds_up_rows_and_bytes() -> None:
    assert (MANIFEST.rows, MANIFEST.stored_bytes) == (70, 1500)


def test_a_table_is_named_with_dots() -> None:
    assert ORDERS.name == "shop.public.orders"


def test_a_manifest_may_be_of_the_run_that_it_names_and_of_no_other() -> None:
    stored = changed(source={"export_task": "one"})

    assert may_be_of(stored, "export_task", "one")
    assert not may_be_of(stored, "export_task", "two")


@pytest.mark.parametrize("stored", [b"{", changed(source={})], ids=["no JSON", "no such field"])
def test_a_manifest_that_does_not_say_may_be_of_any_run(stored: bytes) -> None:
    assert may_be_of(stored, "export_task", "one")


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[]",
        b"{}",
        MANIFEST.to_bytes().replace(b"70", b"71"),
        MANIFEST.to_bytes()[:-1],
        changed(format="another/export"),
        changed(format_version=2),
        changed(kind="ebs"),
        changed(date="yesterday"),
        changed(tables=(ORDERS, ORDERS)),
        changed(**table(path=())),
        changed(**table(path=("shop", ""))),
        changed(**table(rows=-1)),
        changed(**table(files=())),
        changed(**table(files=(StoredObject(name="../secret", size_bytes=1, crc64nvme=""),))),
        changed(**table(columns=(ExportedColumn(name="id", type=7),))),  # type: ignore[arg-type]
    ],
)
def test_anything_else_is_refused(bad: bytes) -> None:
    with pytest.raises(ManifestUnreadable):
        ExportManifest.from_bytes(bad)
