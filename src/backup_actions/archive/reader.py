"""An archive that stands complete in a store: list it, read from it, extract it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from backup_actions.archive.entries import Entry
from backup_actions.archive.rebuilding import RebuiltDisk
from backup_actions.archive.store import Store
from backup_actions.model.manifest import Manifest
from backup_actions.model.progress import Progress


class Archive:
    """Paths: of an archive with one member as they were in the source; of several, below the member's name."""

    store: Store
    manifest: Manifest

    @classmethod
    def open(cls, store: Store) -> Archive:
        """Raise ArchiveMissing where there is no manifest, ManifestUnreadable where it is not one of ours."""
        raise NotImplementedError

    def entries(self, pattern: str | None = None) -> Iterator[Entry]:
        """The entries in the order of the tar; with a glob pattern (``*`` crosses ``/``), those whose path matches."""
        raise NotImplementedError

    def read_file(self, path: str | bytes) -> Iterator[bytes]:
        """The content of one file, its holes as zeros, fetched by ranges and checked against its hash.

        Raises NotInArchive, and ArchiveDamaged after the last bytes where the hash disagrees.
        """
        raise NotImplementedError

    def extract(self, paths: Sequence[str | bytes] | None, to: Path, *, progress: Progress | None = None) -> None:
        """Write everything, or the named entries with all below them, into the folder.

        Raises NotInArchive, UnsafePath, ArchiveDamaged, ToolMissing.
        """
        raise NotImplementedError

    def rebuild_disk(self, to: Path, *, progress: Progress | None = None) -> RebuiltDisk:
        """Write a sparse image with partition table, gaps and raw regions. Raises ArchiveDamaged, NotInArchive."""
        raise NotImplementedError
