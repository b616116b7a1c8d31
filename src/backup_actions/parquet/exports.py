"""The exports below a place, and the tables in them: the same table at several dates is one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from backup_actions.archive.finding import archives_below
from backup_actions.archive.folder_store import FolderStore
from backup_actions.archive.s3_store import S3Store
from backup_actions.archive.store import Store
from backup_actions.errors import ArchiveMissing, ExportMissing
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportedTable, ExportManifest

_READ_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Export:
    """A complete export and where it lies."""

    store: Store
    manifest: ExportManifest

    @property
    def resource(self) -> str:
        """The database or table it is of, as its recovery point names it."""
        point = self.manifest.source.get("recovery_point") or {}
        return str(point.get("resourceId", ""))


@dataclass(frozen=True, slots=True)
class Edition:
    """A table as one export has it."""

    export: Export
    table: ExportedTable


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the source with all its editions, the oldest first."""

    path: tuple[str, ...]
    editions: tuple[Edition, ...]

    @property
    def name(self) -> str:
        """``shop.public.orders``."""
        return ".".join(self.path)

    @property
    def dates(self) -> list[str]:
        """The days of its backups, each once."""
        return sorted({edition.export.manifest.date for edition in self.editions})


def exports_below(root: FolderStore | S3Store) -> list[Export]:
    """Every export at this place or anywhere below it. Raises ExportMissing, ManifestUnreadable, what AWS refuses."""
    try:
        return [_export(root)]
    except ArchiveMissing:
        pass
    with ThreadPoolExecutor(_READ_AT_ONCE, thread_name_prefix="manifest") as pool:
        found = list(pool.map(_export, archives_below(root, EXPORT_MANIFEST_NAME)))
    if not found:
        raise ExportMissing(where=root.location, reason=f"no {EXPORT_MANIFEST_NAME} lies there or below")
    return found


def tables_of(exports: Iterable[Export]) -> list[Table]:
    """The tables of all these exports by name."""
    editions: dict[tuple[str, ...], list[Edition]] = {}
    for export in sorted(exports, key=lambda export: (export.manifest.as_of, export.store.location)):
        for table in export.manifest.tables:
            editions.setdefault(table.path, []).append(Edition(export, table))
    return [Table(path, tuple(editions[path])) for path in sorted(editions)]


def spellings(tables: Sequence[Table]) -> dict[tuple[str, ...], Table]:
    """Every way to write a table that means no other one: its whole name or the end of it, in any case."""
    meant: dict[tuple[str, ...], list[Table]] = {}
    for table in tables:
        for start in range(len(table.path)):
            meant.setdefault(tuple(step.casefold() for step in table.path[start:]), []).append(table)
    whole = {tuple(step.casefold() for step in table.path): table for table in tables}
    return {**{spelling: found[0] for spelling, found in meant.items() if len(found) == 1}, **whole}


def _export(store: Store) -> Export:
    return Export(store, ExportManifest.from_bytes(store.read(EXPORT_MANIFEST_NAME)))
