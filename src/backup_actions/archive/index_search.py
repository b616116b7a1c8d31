"""Looks for paths in an archive by its indexes alone: the column of paths, and others only where one matched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backup_actions.archive.entries import EntryType
from backup_actions.archive.index import SCHEMA, matcher
from backup_actions.archive.reader import IMAGE_NAME, Archive, joined
from backup_actions.archive.store import Store
from backup_actions.archive.stored_file import StoredFile
from backup_actions.errors import ArchiveDamaged
from backup_actions.model.manifest import StoredObject
from backup_actions.model.progress import Progress, Silence

_SHOWN = ["type", "size_bytes", "mtime_seconds", "mtime_nanoseconds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An entry whose path matched. ``path`` is the one that ``list`` shows and ``extract`` takes."""

    archive: str
    path: bytes
    type: EntryType
    size_bytes: int
    mtime_ns: int


def search(store: Store, pattern: str, *, progress: Progress | None = None) -> Iterator[Hit]:
    """The entries of an archive whose path matches a glob, in which ``*`` crosses ``/``, in the order of its members.

    Only manifest and indexes are read. ``progress`` counts the bytes of indexes that were fetched. Memory: the paths
    of one row group. Raises ArchiveMissing, ManifestUnreadable, ArchiveDamaged, UnsafePath, and what AWS refuses.
    """
    archive = Archive.open(store)
    matches = matcher(pattern).match
    for member in archive.manifest.members:
        prefix = archive.prefix(member)
        if member.index is not None:
            for row in _rows(store, member.index, prefix, matches, progress or Silence()):
                yield Hit(archive=store.location, **row)
        elif matches(joined(prefix, IMAGE_NAME)):
            path, size_bytes = joined(prefix, IMAGE_NAME), member.stream_bytes
            yield Hit(archive=store.location, path=path, type="device-image", size_bytes=size_bytes, mtime_ns=0)


def _rows(
    store: Store, index: StoredObject, prefix: bytes, matches: Callable[[bytes], object], progress: Progress
) -> Iterator[dict[str, Any]]:
    source = StoredFile(store, index)
    where = f"{store.location}/{index.name}"
    counted = 0
    try:
        with pq.ParquetFile(pa.PythonFile(source, mode="r"), pre_buffer=False) as parquet:
            if parquet.schema_arrow.names != SCHEMA.names:
                raise ArchiveDamaged(where=where, reason="its columns are not those of an index")
            for group in range(parquet.num_row_groups):
                yield from _rows_of_group(parquet, group, prefix, matches)
                progress.add(source.bytes_read - counted)
                counted = source.bytes_read
    except (pa.ArrowException, OSError, ValueError, TypeError) as wrong:
        raise ArchiveDamaged(where=where, reason=f"the index cannot be read: {wrong}") from wrong


def _rows_of_group(
    parquet: pq.ParquetFile, group: int, prefix: bytes, matches: Callable[[bytes], object]
) -> Iterator[dict[str, Any]]:
    found = [
        (number, path)
        for number, inner in enumerate(parquet.read_row_group(group, ["path"], use_threads=False)[0].to_pylist())
        if matches(path := joined(prefix, inner))
    ]
    if not found:
        return
    shown = parquet.read_row_group(group, _SHOWN, use_threads=False)
    for (_, path), row in zip(found, shown.take([number for number, _ in found]).to_pylist(), strict=True):
        yield {
            "path": path,
            "type": row["type"],
            "size_bytes": row["size_bytes"],
            "mtime_ns": row["mtime_seconds"] * 10**9 + row["mtime_nanoseconds"],
        }
