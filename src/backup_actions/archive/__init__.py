"""The streaming engine: a directory, disk image or block device becomes an archive in a Store; read, verify, extract.

Importing this room loads compressors and pyarrow: whoever only describes something imports it inside a function.
"""

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
