"""``index.parquet``: what is in a member and where, readable by DuckDB or Athena without us."""

from __future__ import annotations

import fnmatch
import re
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from backup_actions.archive.append_only import AppendOnlyFile
from backup_actions.archive.entries import Entry
from backup_actions.archive.index_rows import SCHEMA, RowBatch, index_rows, rows_before
from backup_actions.archive.store import ObjectWriter, Store
from backup_actions.archive.stored_file import MOST_BYTES_A_ROW, StoredFile, opened_parquet
from backup_actions.archive.tree_so_far import IndexSegments
from backup_actions.errors import ArchiveDamaged, SourceUnreadable
from backup_actions.model.manifest import StoredObject

ROWS_IN_A_GROUP = 16_384  # about 4 MiB while a group fills
_ROWS_AT_A_TIME = 4_096  # made into columns: a batch of the tree reader is small, and each call costs
_MOST_BYTES_A_ROW = MOST_BYTES_A_ROW * 15 // 16  # Parquet takes a little more than Arrow
_MOST_NAMED = 200
_ENTRY_COLUMNS = [name for name in SCHEMA.names if name not in {"path_text", "frame"}]


def matcher(pattern: str) -> re.Pattern[bytes]:
    """A glob over whole paths of any bytes; ``*`` crosses ``/``."""
    # Latin-1 maps every byte to one character and back, so that fnmatch can be used on bytes.
    as_bytes = pattern.encode("utf-8", "surrogateescape")
    return re.compile(fnmatch.translate(as_bytes.decode("latin-1")).encode("latin-1"))


class IndexWriter:
    """Rows in the order of the tar. Memory: one row group of 16,384 rows, and the batches that are announced.

    ``rows_so_far`` may be asked by another thread.
    """

    def __init__(self, to: ObjectWriter, frame_bytes: int) -> None:
        self.frame_bytes = frame_bytes
        self._to = to
        self._segments: IndexSegments | None = None
        self._segments_kept = 0
        self._segment_offsets: list[int] = []  # where the tar of each written group begins
        self._announced: deque[RowBatch] = deque()
        self._complete: list[RowBatch] = []
        self._rows_complete = 0
        self._ready: list[pa.RecordBatch] = []
        self._rows_ready = 0
        self._moving = threading.Lock()
        self._file = AppendOnlyFile(to.write)
        self._parquet = pq.ParquetWriter(
            pa.PythonFile(self._file, mode="w"), SCHEMA, compression="zstd", use_dictionary=["type"], version="2.6"
        )

    def keep_segments(self, segments: IndexSegments, already: int) -> None:
        """Each group of rows is kept as a segment as well, but for the first ones, which are."""
        self._segments, self._segments_kept = segments, already

    def announce(self, batch: RowBatch) -> None:
        """Rows whose digests follow."""
        with self._moving:
            self._announced.append(batch)

    def settle(self) -> None:
        """The oldest batch that was announced has all its digests. Raises SourceUnreadable for paths of no end."""
        with self._moving:
            batch = self._announced.popleft()
            self._complete.append(batch)
        self._rows_complete += len(batch)
        if self._rows_complete >= _ROWS_AT_A_TIME:
            self._make_ready()
        if self._rows_ready >= ROWS_IN_A_GROUP:
            self._write_group()

    def rows_so_far(self, position: int) -> tuple[int, bytes]:
        """How many segments have rows that begin before ``position``, and the rows behind those as Arrow IPC."""
        with self._moving:
            segments = bisect_left(self._segment_offsets, position)
            rows = list(self._ready)
            batches = [batch for batch in (*self._complete, *self._announced) if batch.tar_offset < position]
        if batches:
            rows.append(index_rows(batches, self.frame_bytes))
        return segments, segment_of(rows_before(position, pa.Table.from_batches(rows, SCHEMA)))

    def finish(self) -> StoredObject:
        """The index stands in the store."""
        if self._complete:
            self._make_ready()
        while self._rows_ready:
            self._write_group()
        self._parquet.close()
        return self._to.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.discard = True  # closing the Parquet writer would write a footer to an upload that is given up
        self._parquet.close()

    def _make_ready(self) -> None:
        rows = index_rows(self._complete, self.frame_bytes)
        if rows.nbytes > _MOST_BYTES_A_ROW * len(rows):
            longest = max(rows["path_text"].to_pylist(), key=len)
            reason = f"paths of {len(longest)} characters are too long for an index"
            raise SourceUnreadable(what=f"{longest[:_MOST_NAMED]}…", reason=reason)
        with self._moving:
            self._ready.append(rows)
            self._complete.clear()
        self._rows_ready += len(rows)
        self._rows_complete = 0

    def _write_group(self) -> None:
        ready = pa.Table.from_batches(self._ready)
        group, rest = ready.slice(0, ROWS_IN_A_GROUP), ready.slice(ROWS_IN_A_GROUP)
        number = len(self._segment_offsets)
        if self._segments is not None and number >= self._segments_kept:
            self._segments.keep(number, segment_of(group))
        with self._moving:
            self._segment_offsets.append(group["tar_offset"][0].as_py())
            self._ready = rest.to_batches()
        self._rows_ready = len(rest)
        self._parquet.write_table(group, row_group_size=ROWS_IN_A_GROUP)


def segment_of(rows: pa.Table) -> bytes:
    """Rows of an index by themselves: an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(rows.combine_chunks())
    return bytes(sink.getvalue())


class IndexReader:
    """Entries from an index. Memory: the Parquet footer and the wanted columns of one row group."""

    def __init__(self, store: Store, stored: StoredObject) -> None:
        self._store = store
        self._stored = stored

    def entries(self, wanted: Callable[[bytes], object] | None = None) -> Iterator[Entry]:
        """All entries in order, or those whose path is wanted. Raises ArchiveDamaged, ArchiveMissing."""
        with self._opened() as parquet:
            for group in range(parquet.num_row_groups):
                if wanted is not None:
                    rows: Iterable[dict[str, Any]] = rows_wanted(parquet, group, _ENTRY_COLUMNS, wanted)
                else:
                    batches = parquet.iter_batches(4096, row_groups=[group], columns=_ENTRY_COLUMNS, use_threads=False)
                    rows = (row for batch in batches for row in batch.to_pylist())
                for row in rows:
                    yield self._entry(row)

    def find(self, path: bytes) -> Entry | None:
        """The first entry of that path. Of most groups, which hold one part of the tree each, nothing is read.

        Raises ArchiveDamaged, ArchiveMissing.
        """
        with self._opened() as parquet:
            for group in range(parquet.num_row_groups):
                paths = parquet.metadata.row_group(group).column(0).statistics
                if paths is None or not paths.has_min_max or paths.min <= path <= paths.max:
                    for row in rows_wanted(parquet, group, _ENTRY_COLUMNS, path.__eq__):
                        return self._entry(row)
        return None

    def _opened(self) -> AbstractContextManager[pq.ParquetFile]:
        file = StoredFile(self._store, self._stored)
        return opened_parquet(file, self._where, SCHEMA, rows_in_a_group=ROWS_IN_A_GROUP)

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


def rows_wanted(
    parquet: pq.ParquetFile, group: int, columns: list[str], wanted: Callable[[bytes], object]
) -> list[dict[str, Any]]:
    """The rows of a group whose path is wanted, with their paths; other columns are read only if there are some."""
    paths = parquet.read_row_group(group, ["path"], use_threads=False)[0].to_pylist()
    found = [number for number, path in enumerate(paths) if wanted(path or b"")]
    if not found:
        return []
    others = [name for name in columns if name != "path"]
    rows = parquet.read_row_group(group, others, use_threads=False).take(found).to_pylist()
    return [{"path": paths[number], **row} for number, row in zip(found, rows, strict=True)]
