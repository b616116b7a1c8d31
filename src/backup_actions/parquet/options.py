"""How a DynamoDB export becomes Parquet, and what comes of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from backup_actions.errors import SettingInvalid
from backup_actions.model.export_manifest import ExportedColumn
from backup_actions.model.manifest import StoredObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """A data file of an export, as ``manifest-files.json`` lists it.

    ``name`` is relative to the store it is read from; ``md5`` is base64, of the file as it is stored.
    """

    name: str
    md5: str
    items: int


def _processors() -> int:
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionOptions:
    """Raises SettingInvalid for a value outside its limits.

    Memory, whatever the size of the table: for each worker a process of about 100 MiB and 6 times
    ``row_group_mib``, and for each a multipart upload (32 MiB). A single worker is the calling process itself.
    """

    workers: int = field(default_factory=_processors)
    row_group_mib: int = 32
    """How much of the items' text goes into a row group."""
    part_mib: int = 1024
    """How much of the items' text goes into a Parquet file, which is a tenth of that or less."""
    columns_at_most: int = 1000
    """The attributes that most items have become columns; all of them are in ``item``."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name, most in {
            "workers": 256,
            "row_group_mib": 512,
            "part_mib": 1 << 20,
            "columns_at_most": 10_000,
        }.items():
            if not 1 <= getattr(self, name) <= most:
                raise SettingInvalid(name=name, value=getattr(self, name), reason=f"it must be from 1 to {most}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedTable:
    """A table as Parquet. ``files`` are relative to the store that they were written to."""

    files: tuple[StoredObject, ...]
    rows: int
    columns: tuple[ExportedColumn, ...]
    notes: tuple[str, ...]
    """What a reader of the columns should know: which attributes are in ``item`` alone."""

    @property
    def stored_bytes(self) -> int:
        """What the files occupy."""
        return sum(file.size_bytes for file in self.files)


def shares(files: Sequence[ExportFile], workers: int) -> list[list[ExportFile]]:
    """The files dealt out so that everybody has about as many items; files without items are dealt out too."""
    dealt: list[list[ExportFile]] = [[] for _ in range(max(1, min(workers, len(files))))]
    items = [0] * len(dealt)
    for file in sorted(files, key=lambda file: (-file.items, file.name)):
        least = items.index(min(items))
        dealt[least].append(file)
        items[least] += file.items
    return [share for share in dealt if share]
