"""``index.parquet``: what is in a member and where, readable by DuckDB or Athena without us."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from backup_actions.archive.entries import Entry
from backup_actions.archive.store import ObjectWriter, Store
from backup_actions.archive.stored_file import StoredFile, opened_parquet
from backup_actions.errors import ArchiveDamaged
from backup_actions.model.manifest import StoredObject

ROWS_IN_A_GROUP = 16_384  # about 8 MiB of Python objects while a group fills

SCHEMA = pa.schema(
    [
        ("path", pa.binary()),
        ("path_text", pa.string()),
        ("type", pa.dictionary(pa.int8(), pa.string())),
        ("size_bytes", pa.int64()),
        ("mode", pa.int32()),
        ("uid", pa.int64()),
        ("gid", pa.int64()),
        ("mtime_seconds", pa.int64()),
        ("mtime_nanoseconds", pa.int32()),
        ("link_target", pa.binary()),
        ("has_xattrs", pa.bool_()),
        ("is_sparse", pa.bool_()),
        ("frame", pa.int32()),
        ("tar_offset", pa.int64()),
        ("data_offset", pa.int64()),
        ("tar_end", pa.int64()),
        ("blake3", pa.binary(32)),
    ]
)
_COMPUTED_COLUMNS = {"path_text", "mtime_seconds", "mtime_nanoseconds", "link_target", "frame", "blake3"}
_PLAIN_COLUMNS = [name for name in SCHEMA.names if name not in _COMPUTED_COLUMNS]  # an Entry holds them as they are
_ENTRY_COLUMNS = [name for name in SCHEMA.names if name not in {"path_text", "frame"}]


def path_text(path: bytes) -> str:
    """A path for people and for SQL: bytes that are not UTF-8 appear as ``\\xNN``."""
    return path.decode("utf-8", "backslashreplace")


def matcher(pattern: str) -> re.Pattern[bytes]:
    """A glob over whole paths of any bytes; ``*`` crosses ``/``."""
    # Latin-1 maps every byte to one character and back, so that fnmatch can be used on bytes.
    as_bytes = pattern.encode("utf-8", "surrogateescape")
    return re.compile(fnmatch.translate(as_bytes.decode("latin-1")).encode("latin-1"))


class IndexWriter:
    """Rows in the order of the tar. Memory: one row group of 16,384 rows."""

    def __init__(self, to: ObjectWriter, frame_bytes: int) -> None:
        self._to = to
        self._frame_bytes = frame_bytes
        self._group: list[Entry] = []
        self._sink = _Sink(to)
        self._parquet = pq.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"), SCHEMA, compression="zstd", use_dictionary=["type"], version="2.6"
        )

    def add(self, entry: Entry) -> None:
        """One more row."""
        self._group.append(entry)
        if len(self._group) == ROWS_IN_A_GROUP:
            self._write_group()

    def finish(self) -> StoredObject:
        """The index stands in the store."""
        if self._group:
            self._write_group()
        self._parquet.close()
        return self._to.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._sink.discard = True  # closing the Parquet writer would write a footer to an upload that is given up
        self._parquet.close()

    def _write_group(self) -> None:
        columns = self._columns()
        arrays = [pa.array(columns[field.name], type=field.type) for field in SCHEMA]
        self._parquet.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), row_group_size=ROWS_IN_A_GROUP)
        self._group.clear()

    def _columns(self) -> dict[str, list[Any]]:
        group = self._group
        return {
            **{name: list(map(attrgetter(name), group)) for name in _PLAIN_COLUMNS},
            "path_text": [path_text(entry.path) for entry in group],
            "mtime_seconds": [entry.mtime_ns // 10**9 for entry in group],
            "mtime_nanoseconds": [entry.mtime_ns % 10**9 for entry in group],
            "link_target": [entry.link_target or None for entry in group],
            "frame": [entry.tar_offset // self._frame_bytes for entry in group],
            "blake3": [bytes.fromhex(entry.blake3) or None for entry in group],
        }


class IndexReader:
    """Entries from an index. Memory: the Parquet footer and the wanted columns of one row group."""

    def __init__(self, store: Store, stored: StoredObject) -> None:
        self._store = store
        self._stored = stored

    def entries(self, wanted: Callable[[bytes], object] | None = None) -> Iterator[Entry]:
        """All entries in order, or those whose path is wanted. Raises ArchiveDamaged, ArchiveMissing."""
        for batch in self._batches():
            rows = batch
            if wanted is not None:
                paths = batch.column("path").to_pylist()
                rows = batch.take(pa.array([at for at, path in enumerate(paths) if wanted(path or b"")], pa.int64()))
            for row in rows.to_pylist():
                yield self._entry(row)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        file = StoredFile(self._store, self._stored)
        with opened_parquet(file, self._where, SCHEMA, rows_in_a_group=ROWS_IN_A_GROUP) as parquet:
            yield from parquet.iter_batches(batch_size=4096, columns=_ENTRY_COLUMNS, use_threads=False)

    def _entry(self, row: dict[str, Any]) -> Entry:
        row["blake3"] = (row["blake3"] or b"").hex()
        row["link_target"] = row["link_target"] or b""
        if None in row.values():
            raise ArchiveDamaged(where=self._where, reason="a row lacks a value")
        row["mtime_ns"] = row.pop("mtime_seconds") * 10**9 + row.pop("mtime_nanoseconds")
        return Entry(**row)

    @property
    def _where(self) -> str:
        return f"{self._store.location}/{self._stored.name}"


class _Sink:
    """An ObjectWriter as the file that pyarrow wants: append only."""

    def __init__(self, to: ObjectWriter) -> None:
        self._to = to
        self._position = 0
        self.discard = False
        self.closed = False

    def write(self, data: bytes) -> int:
        if not self.discard:
            self._to.write(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self.closed = True
