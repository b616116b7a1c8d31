"""Exports of DynamoDB tables as the service writes them, from items written in Python."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backup_actions.archive import FolderStore
from backup_actions.parquet import ConversionOptions, ConvertedTable, ExportFile, compare, convert

Item = Mapping[str, Mapping[str, Any]]


def line(item: Item) -> bytes:
    """An item as exports have it."""
    return json.dumps({"Item": item}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def data_file(folder: Path, name: str, content: bytes, items: int) -> ExportFile:
    """A data file with these bytes, as the manifest would list it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return ExportFile(name=name, md5=md5_of(content), items=items)


def md5_of(content: bytes) -> str:
    """As the manifest states it."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def exported(folder: Path, *files: Sequence[Item]) -> list[ExportFile]:
    """An export of as many data files."""
    return [
        data_file(folder, f"{number}.json.gz", gzip.compress(b"".join(map(line, items)), 1), len(items))
        for number, items in enumerate(files)
    ]


def converted(
    tmp_path: Path, *files: Sequence[Item], keys: Mapping[str, str] | None = None, **options: Any
) -> tuple[ConvertedTable, list[dict[str, Any]]]:
    """The table that comes of an export, and its rows."""
    listed = exported(tmp_path / "export", *files)
    table = convert(
        listed,
        source=FolderStore(tmp_path / "export"),
        to=FolderStore(tmp_path / "table"),
        keys=keys or {},
        options=ConversionOptions(**{"workers": 1, **options}),
    )
    return table, rows(tmp_path / "table", table)


def compared(tmp_path: Path, table: ConvertedTable, *files: Sequence[Item]) -> tuple[str, ...]:
    """What is wrong with a table that was converted from an export of these items."""
    return compare(
        exported(tmp_path / "export", *files),
        source=FolderStore(tmp_path / "export"),
        to=FolderStore(tmp_path / "table"),
        table=table,
    )


def rows(folder: Path, table: ConvertedTable) -> list[dict[str, Any]]:
    """Every row of every file, with the columns of the table."""
    read = [pq.read_table(folder / file.name) for file in table.files]
    names = [column.name for column in table.columns]
    if not read:
        return []
    found: list[dict[str, Any]] = pa.concat_tables(read, promote_options="default").select(names).to_pylist()
    return found


def items_of(found: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The items that rows say they are, in a fixed order."""
    return sorted((json.loads(row["item"]) for row in found), key=json.dumps)
