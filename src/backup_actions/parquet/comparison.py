"""Reads a converted table back and compares it with the export it was made from, without the code that made it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backup_actions.archive.store import Store
from backup_actions.archive.stored_file import StoredFile
from backup_actions.errors import BackupActionsError
from backup_actions.model.export_manifest import ExportedTable
from backup_actions.model.manifest import StoredObject
from backup_actions.model.progress import Progress, Silence
from backup_actions.parquet.channels import checked_pieces
from backup_actions.parquet.items import item_texts
from backup_actions.parquet.options import ConvertedTable, ExportFile
from backup_actions.parquet.parts import ITEM
from backup_actions.parquet.sharing import inflated, item_lines

_ROWS_AT_ONCE = 4096
_PROBLEMS_AT_MOST = 20


def compare(
    files: Sequence[ExportFile],
    *,
    source: Store,
    to: Store,
    table: ConvertedTable | ExportedTable,
    sample_rows: int = 10_000,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """What is wrong with the table, a sentence each; nothing where every item of the export is a row of it.

    Compared are: rows with items, the exact texts of all items with all values of ``item``, whatever their order, and
    for some rows of each file every column with ``item``. Without ``files`` (the export was dropped) the texts are
    not. Memory: some thousand rows. Raises what AWS refuses.
    """
    progress = progress or Silence()
    problems: list[str] = []
    rows, sums, sampled = 0, 0, max(1, sample_rows // max(1, len(table.files)))
    for stored in table.files:
        try:
            for number, batch in enumerate(_batches(to, stored)):
                rows += len(batch)
                sums += sum(map(hash, batch.column(ITEM).cast(pa.binary()).to_pylist()))
                if number * _ROWS_AT_ONCE < sampled:
                    problems += _differences(stored.name, batch.slice(0, sampled))
        except (pa.ArrowException, OSError, ValueError, KeyError, BackupActionsError) as wrong:
            problems.append(f"{stored.name} cannot be read: {wrong}")
        progress.add(stored.size_bytes)
    if rows != table.rows:
        problems.append(f"the files hold {rows} rows and should hold {table.rows}")
    if files:
        problems += _differences_of_source(files, source, rows, sums, progress)
    return tuple(problems[:_PROBLEMS_AT_MOST])


def _batches(store: Store, stored: StoredObject) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(pa.PythonFile(StoredFile(store, stored), mode="r")) as parquet:
        yield from parquet.iter_batches(batch_size=_ROWS_AT_ONCE, use_threads=False)


def _differences_of_source(
    files: Sequence[ExportFile], source: Store, rows: int, sums: int, progress: Progress
) -> list[str]:
    found_items, found_sums = 0, 0
    for file in files:
        try:
            for lines in item_lines(inflated(checked_pieces(source, file), file), file):
                found_items += len(lines)
                # Python's own hash has a secret key for each process: what adds up to the same was the same.
                found_sums += sum(map(hash, item_texts(lines)))
        except (BackupActionsError, ValueError) as wrong:
            return [str(wrong)]
        progress.note(f"{file.name} was compared")
    if found_items != rows:
        return [f"the export holds {found_items} items and the table {rows} rows"]
    return [] if found_sums == sums else ["the items of the export and those of the table are not the same"]


def _differences(name: str, batch: pa.RecordBatch) -> list[str]:
    """Columns that say something else than their row's item."""
    problems = []
    for row in batch.to_pylist():
        item = json.loads(row[ITEM])
        for column, value in row.items():
            if column != ITEM and column in item and not _says(item[column], value):
                problems.append(f"{name}: {column!r} is {value!r} and the item says {json.dumps(item[column])[:200]}")
                break
    return problems


def _says(tagged: Mapping[str, Any], found: Any) -> bool:
    """Whether the value of a column is that of the attribute, or the JSON of it."""
    ((tag, value),) = tagged.items()
    if tag == "NS" and isinstance(found, list):
        found = [Decimal(number) for number in found]
    return found == _expected(tag, value) or (isinstance(found, str) and _same_json(tag, value, found))


def _same_json(tag: str, value: Any, found: str) -> bool:
    """A number is its own JSON, also where a column of numbers is text because no decimal holds them."""
    try:
        return bool(json.loads(found, parse_float=Decimal, parse_int=Decimal) == _plain(tag, value))
    except ValueError:
        return False


def _expected(tag: str, value: Any) -> Any:
    match tag:
        case "N":
            return Decimal(value)
        case "NS":
            return [Decimal(number) for number in value]
        case "B":
            return base64.b64decode(value)
        case "BS":
            return [base64.b64decode(each) for each in value]
        case "NULL":
            return None
    return value


def _plain(tag: str, value: Any) -> Any:
    match tag:
        case "M":
            return {name: _plain(*next(iter(inner.items()))) for name, inner in value.items()}
        case "L":
            return [_plain(*next(iter(inner.items()))) for inner in value]
        case "N" | "NS" | "NULL":
            return _expected(tag, value)
    return value
