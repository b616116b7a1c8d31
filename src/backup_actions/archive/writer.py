"""Turns a directory, a disk image or a block device into an archive."""

from __future__ import annotations

from pathlib import Path

from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.store import Store
from backup_actions.model.clock import Clock
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import Manifest
from backup_actions.model.progress import Progress


def archive(
    source: Path,
    to: Store,
    *,
    options: ArchiveOptions | None = None,
    name: str = "",
    recovery_point: JsonObject | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Manifest:
    """The archive stands complete in the store, its manifest written last.

    ``name`` is what the source is called in the manifest, by default its path. Raises ArchiveExists before anything
    is read, SourceUnreadable where anything of the source could not be read, UploadFailed, ToolMissing.
    """
    raise NotImplementedError
