"""Footers are read from the ends of files, and what is no whole file is told."""

from __future__ import annotations

import io
from typing import Any

import pyarrow
import pyarrow.parquet as pq
import pytest

from backup_actions.errors import ParquetUnreadable
from backup_actions.parquet.footers import Footer, read_footer


class Objects:
    """An S3 client of one object that keeps what it was asked for."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asked = data, list[str]()

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        """The last so many bytes."""
        self.asked.append(arguments["Range"])
        return {"Body": io.BytesIO(self.data[int(arguments["Range"].removeprefix("bytes=")) :])}


def parquet(table: pyarrow.Table, **options: Any) -> bytes:
    written = io.BytesIO()
    pq.write_table(table, written, **options)
    return written.getvalue()


def read(objects: Objects) -> Footer:
    return read_footer(objects, "bucket", "key", len(objects.data))  # type: ignore[arg-type]


def test_a_footer_says_rows_columns_and_size() -> None:
    rows = pyarrow.table({"id": pyarrow.array([1, 2, 3], pyarrow.int32()), "name": ["a", "b", None]})
    footer = read(Objects(parquet(rows, row_group_size=2)))

    assert footer.rows == 3
    assert [(column.name, column.type) for column in footer.columns] == [("id", "int"), ("name", "string")]
    assert footer.uncompressed_bytes > 0


def test_a_small_file_takes_one_request_and_a_long_footer_a_second() -> None:
    small = Objects(parquet(pyarrow.table({"id": [1]})))
    wide = Objects(parquet(pyarrow.table({f"a column with quite a long name {n}": [n] for n in range(2000)})))

    assert read(small).rows == 1
    assert len(read(wide).columns) == 2000
    assert (len(small.asked), len(wide.asked)) == (1, 2)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[: len(data) // 2], "a part of it is missing"),
        (lambda _data: b"PAR1", "too few"),
        (lambda _data: b"", "too few"),
        (lambda _data: b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", "longer than the file"),
        (lambda data: data[:-8] + bytes(4) + data[-4:], "cannot read key as Parquet"),
        (lambda data: bytes(len(data) - 8) + data[-8:], "cannot read key as Parquet"),
    ],
)
def test_what_is_no_whole_parquet_file_is_refused(spoil: Any, reason: str) -> None:
    with pytest.raises(ParquetUnreadable, match=reason):
        read(Objects(spoil(parquet(pyarrow.table({"id": [1, 2, 3]})))))
