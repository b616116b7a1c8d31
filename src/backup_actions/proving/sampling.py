"""Restores a sample of an archive into a scratch folder, as a person would who fetches files, and compares it."""

from __future__ import annotations

import hashlib
import heapq
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.archive import Archive
from backup_actions.errors import ArchiveDamaged, ArchiveMissing, NotInArchive

if TYPE_CHECKING:
    from backup_actions.archive import Entry, Store
    from backup_actions.model.json_types import JsonObject
    from backup_actions.model.manifest import Manifest
    from backup_actions.model.progress import Progress

_FILES_AT_MOST = 100
_SCRATCH_BYTES = 2 << 30
"""Of a job's scratch folder, which lies on the host's disk."""


def restore_sample(
    store: Store, manifest: Manifest, *, lot: str, progress: Progress, scratch: Path | None = None
) -> tuple[list[str], JsonObject]:
    """What is wrong with files that were restored, and how many were: chosen by the lot, the same for the same one.

    Each is found in the index, fetched by ranges, written, and read from the disk again: it has the size of the index
    and the bytes whose hash stands there. Of a dump the sections are what is restored. Memory: that of an Archive.
    """
    archive = Archive(store, manifest)
    taken = list(_within(_by_lot(archive, lot), _SCRATCH_BYTES))
    progress.start("restore", sum(entry.size_bytes for entry in taken))
    with tempfile.TemporaryDirectory(prefix="restore-test-", dir=scratch) as folder:
        path = Path(folder) / "restored"
        problems = [wrong for entry in taken if (wrong := _restored(archive, entry, path, progress))]
    figures: JsonObject = {"files": len(taken), "bytes": sum(entry.size_bytes for entry in taken), "lot": lot}
    return problems, figures


def _by_lot(archive: Archive, lot: str) -> list[Entry]:
    """As many files as are looked at, in the order of their lots."""

    def rank(entry: Entry) -> bytes:
        return hashlib.sha256(lot.encode() + b" " + entry.path).digest()

    files = (entry for entry in archive.entries() if entry.type in {"file", "device-image", "dump"})
    return heapq.nsmallest(_FILES_AT_MOST, files, key=rank)


def _within(entries: list[Entry], room_bytes: int) -> Iterator[Entry]:
    for entry in entries:
        if entry.size_bytes <= room_bytes:
            room_bytes -= entry.size_bytes
            yield entry


def _restored(archive: Archive, entry: Entry, path: Path, progress: Progress) -> str:
    """What is wrong with it, if anything is."""
    name = entry.path.decode("utf-8", "backslashreplace")
    sent = hashlib.sha256()
    try:
        with path.open("wb") as file:
            for piece in archive.read_file(entry.path):
                file.write(piece)
                sent.update(piece)
                progress.add(len(piece))
    except (ArchiveDamaged, ArchiveMissing, NotInArchive) as wrong:
        return f"{name} cannot be restored: {wrong}"
    if path.stat().st_size != entry.size_bytes:
        return f"{name} was restored with {path.stat().st_size} bytes, not {entry.size_bytes}"
    with path.open("rb") as file:
        written = hashlib.file_digest(file, "sha256")
    return "" if written.digest() == sent.digest() else f"{name} is not on the disk what was sent there"
