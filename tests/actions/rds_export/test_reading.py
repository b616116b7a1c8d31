"""Every contradiction in an export is found and named; an export without one is read whole."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from backup_actions.actions.rds_export.reading import Exported, read_export
from backup_actions.model.progress import Silence

PREFIX, TASK = "rds-export/a", "one"
BASE = f"{PREFIX}/{TASK}"
ORDERS = f"{BASE}/shop/public.orders/1"
Objects = dict[str, bytes]


class Bucket:
    """An S3 client of one bucket that holds these objects."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """The object, or its end."""
        data = self._found(arguments["Key"], "GetObject")
        return {"Body": io.BytesIO(data[int(arguments.get("Range", "bytes=0").removeprefix("bytes=")) :])}

    def head_object(self, **arguments: Any) -> dict[str, Any]:
        """Its size and checksum."""
        return {"ContentLength": len(self._found(arguments["Key"], "HeadObject")), "ChecksumCRC64NVME": "crc"}

    def get_paginator(self, _name: str) -> Bucket:
        """Lists come in pages."""
        return self

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        """One page a key."""
        yield from (
            {"Contents": [{"Key": key}]} for key in sorted(self._objects) if key.startswith(arguments["Prefix"])
        )

    def _found(self, key: str, operation: str) -> bytes:
        if key not in self._objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, operation)
        return self._objects[key]


def parquet(**columns: list[Any]) -> bytes:
    written = io.BytesIO()
    pq.write_table(pyarrow.table(columns), written)
    return written.getvalue()


def told(*targets: str, status: str = "COMPLETE", size_gb: float = 0.1, parts: tuple[int, int] = (1, 1)) -> bytes:
    statistics = {"partitioningInfo": {"numberOfPartitions": parts[0], "numberOfCompletedPartitions": parts[1]}}
    entries = [
        {"target": target, "status": status, "sizeGB": size_gb, "tableStatistics": statistics} for target in targets
    ]
    return json.dumps({"perTableStatus": entries}).encode()


def good() -> Objects:
    """An export of two tables, in two files each of which lists one."""
    return {
        f"{BASE}/export_info_one.json": b'{"status": "COMPLETE"}',
        f"{BASE}/export_tables_info_one_from_1_to_1.json": told("shop.public.orders"),
        f"{BASE}/export_tables_info_one_from_2_to_2.json": told("shop.public.Order Lines"),
        f"{ORDERS}/part-0.gz.parquet": parquet(id=[1, 2]),
        f"{ORDERS}/part-7.gz.parquet": parquet(id=[3]),
        f"{ORDERS}/_SUCCESS": b"",
        f"{BASE}/shop/public.Order_Lines/1/part-0.gz.parquet": parquet(id=[1]),
        f"{BASE}/shop/public.Order_Lines/1/_SUCCESS": b"",
    }


def read(objects: Objects, *, parts: tuple[str, ...] = (), warning: str = "") -> Exported:
    return read_export(
        Bucket(objects),  # type: ignore[arg-type]
        "bucket",
        PREFIX,
        TASK,
        family="postgresql",
        parts=parts,
        warning=warning,
        progress=Silence(),
    )


def test_an_export_without_contradictions_is_read_whole() -> None:
    found = read(good())

    assert (found.problems, found.left_out) == ([], [])
    assert [(table.name, table.rows, len(table.files)) for table in found.tables] == [
        ("shop.public.Order Lines", 1, 1),
        ("shop.public.orders", 3, 2),
    ]
    assert found.tables[1].files[0].name == "one/shop/public.orders/1/part-0.gz.parquet"


def test_the_older_layout_without_batches_and_marks_is_read_too() -> None:
    objects = {key.replace("/1/part", "/part"): data for key, data in good().items() if not key.endswith("_SUCCESS")}

    found = read(objects)

    assert found.problems == []
    assert [table.rows for table in found.tables] == [1, 3]


def test_an_empty_table_needs_no_file() -> None:
    objects = good()
    del objects[f"{BASE}/shop/public.Order_Lines/1/part-0.gz.parquet"]
    objects[f"{BASE}/export_tables_info_one_from_2_to_2.json"] = told("shop.public.Order Lines", size_gb=0)

    found = read(objects)

    assert found.problems == []
    assert (found.tables[0].rows, found.tables[0].files, found.tables[0].columns) == (0, (), ())


def test_a_table_that_has_left_no_trace_is_not_taken_for_empty() -> None:
    objects = {key: data for key, data in good().items() if not key.startswith(f"{BASE}/shop/")}
    objects[FIRST] = told("shop.public.orders", size_gb=0)
    objects[f"{BASE}/export_tables_info_one_from_2_to_2.json"] = told("shop.public.Order Lines", size_gb=0)

    assert read(objects).problems == ["shop.public.orders has no _SUCCESS", "shop.public.Order Lines has no _SUCCESS"]


def without(key: str) -> Callable[[Objects], object]:
    return lambda objects: objects.pop(key)


def with_(key: str, data: bytes) -> Callable[[Objects], object]:
    return lambda objects: objects.update({key: data})


INFO, FIRST = f"{BASE}/export_info_one.json", f"{BASE}/export_tables_info_one_from_1_to_1.json"


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (without(INFO), "export_info_one.json says nothing"),
        (with_(INFO, b'{"status": "FAILED"}'), "export_info_one.json says FAILED"),
        (with_(INFO, b"not JSON"), "export_info_one.json says nothing"),
        (without(FIRST), "no file lists the tables from 1 to 1"),
        (with_(FIRST, b"{}"), "cannot be understood: KeyError 'perTableStatus'"),
        (with_(FIRST, b'{"perTableStatus": [5]}'), "cannot be understood: TypeError"),
        (with_(FIRST, told("shop.public.orders", status="FAILED")), "shop.public.orders is FAILED"),
        (with_(FIRST, told("shop.public.orders", "shop.public.orders")), "shop.public.orders is listed twice"),
        (with_(FIRST, told("shop.public.orders", "shop.public.more")), "shop.public.more has no file"),
        (without(f"{ORDERS}/_SUCCESS"), "shop.public.orders has no _SUCCESS"),
        (with_(f"{ORDERS[:-1]}2/part-0.gz.parquet", parquet(id=[4])), "has no _SUCCESS in shop/public.orders/2/"),
        (with_(FIRST, told("shop.public.orders", parts=(3, 2))), "of shop.public.orders not all parts are written"),
        (with_(f"{BASE}/shop/public.x/1/part-0.gz.parquet", b""), "shop/public.x belongs to no table"),
        (with_(f"{ORDERS}/part-7.gz.parquet", b"PAR1PAR1"), "too few for a Parquet file"),
        (with_(f"{ORDERS}/part-7.gz.parquet", parquet(id=[3])[:-1]), "a part of it is missing"),
        (with_(f"{ORDERS}/part-7.gz.parquet", parquet(other=[3])), "has other columns than"),
        (with_(f"{ORDERS}/part-7.gz.parquet", parquet(id=["3"])), "has other columns than"),
    ],
)
def test_every_contradiction_is_named(spoil: Callable[[Objects], object], problem: str) -> None:
    objects = good()
    spoil(objects)

    assert any(problem in each for each in read(objects).problems), read(objects).problems


def test_what_was_asked_for_is_there_and_nothing_else() -> None:
    assert read(good(), parts=("shop.public",)).problems == []
    assert read(good(), parts=("shop.public", "shop.audit")).problems == [
        "nothing of shop.audit is there, which was asked for"
    ]
    assert read(good(), parts=("shop.public.orders",)).problems == ["shop.public.Order Lines was not asked for"]


def test_a_warning_of_the_task_or_of_its_file_is_no_contradiction_but_something_left_out() -> None:
    told_of = json.dumps({"skippedTables": ["shop.public.x"]})
    objects = good() | {INFO: json.dumps({"status": "COMPLETE", "warningMessage": told_of}).encode()}

    for found in (read(good(), warning=told_of), read(objects)):
        assert (found.problems, found.left_out) == ([], ["left out the table shop.public.x"])


def test_a_warning_of_the_file_counts_beside_one_of_the_task_that_names_nothing() -> None:
    of_the_file = json.dumps({"status": "COMPLETE", "warningMessage": json.dumps({"skippedTables": ["shop.x"]})})

    found = read(good() | {INFO: of_the_file.encode()}, warning='{"skippedTables": []}')

    assert found.left_out == ["left out the table shop.x"]
