"""Files that are not what the manifest says: named, and no table comes of them. A table that is wrong is found out."""

from __future__ import annotations

import dataclasses
import gzip
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.parquet.tables import Item, compared, converted, data_file, line

from backup_actions.archive import FolderStore
from backup_actions.errors import ArchiveMissing, CorruptExport, WorkerDied
from backup_actions.parquet import ConversionOptions, ConvertedTable, ExportFile, convert
from backup_actions.parquet.sharing import Order
from backup_actions.parquet.sharing import converted as share_of
from backup_actions.parquet.workers import OtherProcess

GOOD = line({"id": {"S": "1"}})
ITEMS: list[Item] = [{"id": {"S": str(n)}, "n": {"N": str(n)}, "m": {"M": {"a": {"N": "1"}}}} for n in range(20)]


def convert_file(tmp_path: Path, file: ExportFile, workers: int = 1) -> ConvertedTable:
    return convert(
        [file],
        source=FolderStore(tmp_path / "export"),
        to=FolderStore(tmp_path / "table"),
        keys={},
        options=ConversionOptions(workers=workers),
    )


def convert_bytes(tmp_path: Path, content: bytes, items: int = 1) -> ConvertedTable:
    return convert_file(tmp_path, data_file(tmp_path / "export", "data.json.gz", content, items))


def zipped(content: bytes) -> bytes:
    """The same bytes at any time of the day."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no gzip", "cannot be inflated"),
        (zipped(GOOD)[:-9], "cannot be inflated"),
        (zipped(GOOD)[:-4] + b"\0\0\0\0", "cannot be inflated"),
        (zipped(b"{"), "not an item"),
        (zipped(b"[]\n"), "not an item"),
        (zipped(b"7\n"), "not an item"),
        (zipped(b'{"Keys":{}}\n'), "not an item"),
        (zipped(b'{"Item":[]}\n'), "not an item"),
        (zipped(b'{"Item":{"a":1}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{}}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{"X":"1"}}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{"S":1}}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{"BOOL":"x"}}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{"SS":"x"}}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{"B":"*"}}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{"L":[{"Y":"1"}]}}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{"M":[]}}}\n'), "not an item"),
        (zipped(b'{"Item":{"a":{"S":"\xff"}}}\n'), "not an item"),
        (zipped(GOOD + GOOD), "holds 2 items and should hold 1"),
        (zipped(b""), "holds 0 items and should hold 1"),
        (zipped(b"x" * (17 << 20)), "longer than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_corrupt_file_is_named_and_leaves_no_table(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(CorruptExport, match=r"data\.json\.gz") as refused:
        convert_bytes(tmp_path, content)

    assert told in str(refused.value)
    assert not [path for path in (tmp_path / "table").rglob("*") if path.is_file()]


def test_a_file_of_another_hash_is_refused(tmp_path: Path) -> None:
    file = data_file(tmp_path / "export", "data.json.gz", gzip.compress(GOOD), 1)

    with pytest.raises(CorruptExport, match="MD5"):
        convert_file(tmp_path, dataclasses.replace(file, md5="AAAA"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArchiveMissing):
        convert_file(tmp_path, ExportFile(name="gone.json.gz", md5="", items=1))


def test_gzip_of_several_members_and_lines_without_end_are_read(tmp_path: Path) -> None:
    content = gzip.compress(GOOD) + gzip.compress(b"\n" + GOOD.rstrip())

    assert convert_bytes(tmp_path, content, 2).rows == 2


def test_blanks_in_a_line_do_not_matter(tmp_path: Path) -> None:
    table = convert_bytes(tmp_path, gzip.compress(b'{ "Item" : {"id": {"S": "1"}} }\n'))

    (row,) = pq.read_table(tmp_path / "table" / table.files[0].name).to_pylist()
    assert row == {"id": "1", "item": '{"id":{"S":"1"}}'}


@pytest.mark.parametrize("number", ["x", "NaN", "1 2"])
def test_a_number_that_is_none_stays_text(tmp_path: Path, number: str) -> None:
    table, (row,) = converted(tmp_path, [{"a": {"N": number}}])

    assert (row["a"], table.columns[0].type) == (number, "string")


def test_an_error_of_a_worker_is_raised_where_it_was_called(tmp_path: Path) -> None:
    files = [
        data_file(tmp_path / "export", "good.json.gz", gzip.compress(GOOD), 1),
        data_file(tmp_path / "export", "bad.json.gz", gzip.compress(b"{"), 1),
    ]

    with pytest.raises(CorruptExport, match=r"bad\.json\.gz"):
        convert(
            files,
            source=FolderStore(tmp_path / "export"),
            to=FolderStore(tmp_path / "table"),
            keys={},
            options=ConversionOptions(workers=2),
        )


class Killing:
    """A channel behind which the worker dies."""

    def __init__(self, worker: OtherProcess) -> None:
        self._worker = worker

    def pieces(self, name: str) -> Any:
        os.kill(self._worker._process.pid or 0, signal.SIGKILL)
        self._worker._process.join()
        yield GOOD

    def write(self, data: bytes) -> None:
        """Nobody reads it any more."""


def test_a_worker_that_dies_is_told(tmp_path: Path) -> None:
    file = data_file(tmp_path / "export", "data.json.gz", gzip.compress(GOOD), 1)
    order = Order(name="part", files=[file], keys=(), options=ConversionOptions(workers=1))
    worker = OtherProcess()
    try:
        with pytest.raises(WorkerDied):
            worker.convert(order, Killing(worker))  # type: ignore[arg-type]
    finally:
        worker.stop()


def test_a_share_without_files_has_no_part() -> None:
    share = share_of(Order(name="part", files=[], keys=(), options=ConversionOptions()), Killing(None))  # type: ignore[arg-type]

    assert (share.parts, share.types) == ([], {})


def replaced(tmp_path: Path, table: ConvertedTable, content: pa.Table) -> ConvertedTable:
    """The table with other content, written as if nothing had happened."""
    (stored,) = table.files
    path = tmp_path / "table" / stored.name
    pq.write_table(content, path)
    return dataclasses.replace(table, files=(dataclasses.replace(stored, size_bytes=path.stat().st_size),))


def altered(tmp_path: Path, table: ConvertedTable, column: str, value: Any) -> ConvertedTable:
    """The table with this value in the first row."""
    read = pq.read_table(tmp_path / "table" / table.files[0].name)
    at = read.schema.get_field_index(column)
    values = [value, *read.column(column).to_pylist()[1:]]
    return replaced(tmp_path, table, read.set_column(at, read.schema.field(at), pa.array(values, read.field(at).type)))


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("n", 77, "'n' is 77 and the item says"),
        ("n", None, "'n' is None and the item says"),
        ("m", '{"a":2}', "the item says"),
        ("item", '{"id":{"S":"0"},"n":{"N":"0"},"m":{"M":{"a":{"N":"1"}}},"x":{"S":""}}', "the same"),
    ],
)
def test_a_row_that_says_something_else_is_found(tmp_path: Path, column: str, value: Any, told: str) -> None:
    table, _ = converted(tmp_path, ITEMS)

    (problem,) = compared(tmp_path, altered(tmp_path, table, column, value), ITEMS)

    assert told in problem


def test_a_row_too_few_is_found(tmp_path: Path) -> None:
    table, _ = converted(tmp_path, ITEMS)
    short = replaced(tmp_path, table, pq.read_table(tmp_path / "table" / table.files[0].name).slice(1))

    assert compared(tmp_path, short, ITEMS) == (
        "the files hold 19 rows and should hold 20",
        "the export holds 20 items and the table 19 rows",
    )


def test_a_file_that_is_no_parquet_is_found(tmp_path: Path) -> None:
    table, _ = converted(tmp_path, ITEMS)
    (tmp_path / "table" / table.files[0].name).write_bytes(b"PAR1")

    assert "cannot be read" in compared(tmp_path, table, ITEMS)[0]


def test_a_table_can_be_looked_through_without_its_export(tmp_path: Path) -> None:
    table, _ = converted(tmp_path, ITEMS)

    assert compared(tmp_path, table) == ()
