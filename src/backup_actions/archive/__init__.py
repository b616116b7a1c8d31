"""The streaming engine: a directory, disk image or block device becomes an archive in a Store; read, verify, extract.

What is taken from here loads its own module only: a command starts without the compressors, pyarrow and boto3 that it
does not need. Whoever only describes something imports this room inside a function.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions.archive.device import Blocks
    from backup_actions.archive.entries import Entry
    from backup_actions.archive.finding import archives_below
    from backup_actions.archive.folder_store import FolderStore
    from backup_actions.archive.index_search import Hit, search
    from backup_actions.archive.options import ArchiveOptions
    from backup_actions.archive.reader import Archive
    from backup_actions.archive.rebuilding import RebuiltDisk
    from backup_actions.archive.report import MemberReport, Problem, VerificationReport
    from backup_actions.archive.s3_store import S3Store
    from backup_actions.archive.snapshot_blocks import SnapshotBlocks
    from backup_actions.archive.store import ObjectWriter, Store
    from backup_actions.archive.verification import verify
    from backup_actions.archive.writer import archive

__all__ = [
    "Archive",
    "ArchiveOptions",
    "Blocks",
    "Entry",
    "FolderStore",
    "Hit",
    "MemberReport",
    "ObjectWriter",
    "Problem",
    "RebuiltDisk",
    "S3Store",
    "SnapshotBlocks",
    "Store",
    "VerificationReport",
    "archive",
    "archives_below",
    "search",
    "verify",
]

_MODULES = {
    "Archive": "reader",
    "ArchiveOptions": "options",
    "Blocks": "device",
    "Entry": "entries",
    "FolderStore": "folder_store",
    "Hit": "index_search",
    "MemberReport": "report",
    "ObjectWriter": "store",
    "Problem": "report",
    "RebuiltDisk": "rebuilding",
    "S3Store": "s3_store",
    "SnapshotBlocks": "snapshot_blocks",
    "Store": "store",
    "VerificationReport": "report",
    "archive": "writer",
    "archives_below": "finding",
    "search": "index_search",
    "verify": "verification",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load the module that a name lives in (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"{__name__} has no {name}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value
