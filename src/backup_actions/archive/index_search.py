"""Looks for paths in an archive by its indexes alone: the column of paths, and others only where one matched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from backup_actions.archive.entries import EntryType, sole_entry
from backup_actions.archive.index import ROWS_IN_A_GROUP, matcher, rows_wanted
from backup_actions.archive.index_rows import SCHEMA
from backup_actions.archive.reader import Archive, joined
from backup_actions.archive.store import Store
from backup_actions.archive.stored_file import StoredFile, opened_parquet
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
        else:
            sole = sole_entry(member)
            path = joined(prefix, sole.path)
            if matches(path):
                yield Hit(archive=store.location, path=path, type=sole.type, size_bytes=sole.size_bytes, mtime_ns=0)


def _rows(
    store: Store, index: StoredObject, prefix: bytes, matches: Callable[[bytes], object], progress: Progress
) -> Iterator[dict[str, Any]]:
    file = StoredFile(store, index)
    where = f"{store.location}/{index.name}"
    counted = 0
    with opened_parquet(file, where, SCHEMA, rows_in_a_group=ROWS_IN_A_GROUP) as parquet:
        for group in range(parquet.num_row_groups):
            for row in rows_wanted(parquet, group, _SHOWN, lambda inner: matches(joined(prefix, inner))):
                if None in row.values():
                    raise ArchiveDamaged(where=where, reason="a row lacks a value")
                mtime_ns = row.pop("mtime_seconds") * 10**9 + row.pop("mtime_nanoseconds")
                yield {**row, "path": joined(prefix, row["path"]), "mtime_ns": mtime_ns}
            progress.add(file.bytes_read - counted)
            counted = file.bytes_read
