"""An archive that stands complete in a store: list it, read from it, extract it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from backup_actions.archive.content import FileContent
from backup_actions.archive.entries import Entry, sole_entry
from backup_actions.archive.extraction import extract_tar, require_room
from backup_actions.archive.frame_reader import FrameReader
from backup_actions.archive.images import create_image, write_image
from backup_actions.archive.index import IndexReader, matcher
from backup_actions.archive.index_rows import path_text
from backup_actions.archive.pax import TarError
from backup_actions.archive.rebuilding import RebuiltDisk
from backup_actions.archive.selection import Selection
from backup_actions.archive.store import Store
from backup_actions.errors import NotInArchive
from backup_actions.model.manifest import MANIFEST_NAME, Manifest, Member
from backup_actions.model.progress import Progress, Silence


class Archive:
    """Paths: of an archive with one member as they were in the source; of several, below the member's name.

    An image appears as ``device.img``, a section of a dump as a file of its own name. Memory: one row group of an
    index, 16 MiB of stored bytes, one frame.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self.store = store
        self.manifest = manifest
        self._frames: dict[str, FrameReader] = {}

    @classmethod
    def open(cls, store: Store) -> Archive:
        """Raise ArchiveMissing where there is no manifest, ManifestUnreadable where it is not one of ours."""
        return cls(store, Manifest.from_bytes(store.read(MANIFEST_NAME)))

    def entries(self, pattern: str | None = None) -> Iterator[Entry]:
        """The entries in the order of the tar; with a glob pattern (``*`` crosses ``/``), those whose path matches."""
        expression = matcher(pattern) if pattern is not None else None
        for member in self.manifest.members:
            wanted = None if expression is None else _beneath(self.prefix(member), expression.match)
            for entry in self._entries_of(member, wanted):
                yield replace(entry, path=joined(self.prefix(member), entry.path))

    def read_file(self, path: str | bytes) -> Iterator[bytes]:
        """The content of one file, its holes as zeros, fetched by ranges and checked against its hash.

        Raises NotInArchive, and ArchiveDamaged after the last bytes where the hash disagrees.
        """
        member, inner = self._located(path)
        entry = self._entry(member, inner, path)
        if entry.type == "hardlink":
            entry = self._entry(member, entry.link_target, path)
        frames = self._frames_of(member)
        if entry.type in {"device-image", "dump"}:
            yield from frames.whole()
            return
        if entry.type != "file":
            raise NotInArchive(path=f"a file named {_text(path)}", where=self.store.location)
        content = FileContent(entry, frames.read(entry.data_offset, entry.tar_end))
        try:
            yield from content
        except TarError as wrong:
            raise frames.damaged(f"{_text(path)}: {wrong}") from wrong
        if not content.is_as_written():
            raise frames.damaged(f"the content of {_text(path)} has another hash than it was written with")

    def extract(self, paths: Sequence[str | bytes] | None, to: Path, *, progress: Progress | None = None) -> None:
        """Write everything, or the named entries with all below them, into the folder.

        Of several members each gets a folder of its name. Hard links bring the file that they share. Raises
        NotInArchive, UnsafePath, ArchiveDamaged, ExtractionFailed, DiskFull, ToolMissing.
        """
        progress = progress or Silence()
        chosen: dict[str, set[bytes]] = {}
        for path in paths if paths is not None else [member.name for member in self.manifest.members]:
            member, inner = self._located(path) if paths is not None else (self._member(str(path)), b".")
            chosen.setdefault(member.name, set()).add(inner)
        selections = {name: self._selection(self._member(name), inner) for name, inner in chosen.items()}
        require_room(to, sum(map(self._sure_bytes, (name for name, part in selections.items() if part is None))))
        for name, selection in selections.items():
            member = self._member(name)
            folder = to / os.fsdecode(self.prefix(member))
            progress.start(name, member.source_bytes if selection is None else None)
            if member.kind == "files":
                self._extract_files(member, selection, folder, progress)
            else:
                self._extract_sole(member, folder / os.fsdecode(sole_entry(member).path), progress)

    def rebuild_disk(self, to: Path, *, progress: Progress | None = None) -> RebuiltDisk:
        """Write a sparse image with partition table, gaps and raw regions. Raises ArchiveDamaged, NotInArchive."""
        progress = progress or Silence()
        layout = self.manifest.layout
        if layout is None:
            raise NotInArchive(path="the layout of a disk", where=self.store.location)
        members = [(member, layout.regions[member.region_index or 0]) for member in self.manifest.members]
        own = [(member, region) for member, region in members if not member.logical_volume]
        with create_image(to, layout.size_bytes) as image:
            for member, region in own:
                if member.kind == "device":
                    progress.start(member.name, region.size_bytes)
                    write_image(self._frames_of(member), image, region.offset_bytes, progress)
        return RebuiltDisk(
            path=to,
            written=tuple(region for member, region in own if member.kind == "device"),
            to_be_filled=tuple(region for member, region in own if member.kind == "files"),
            logical_volumes=tuple(member.name for member, _ in members if member.logical_volume),
        )

    def _sure_bytes(self, name: str) -> int:
        """What the whole member takes on a disk at least; an image may be all holes."""
        member = self._member(name)
        return 0 if member.kind == "device" else member.source_bytes

    def _extract_files(self, member: Member, selection: Selection | None, folder: Path, progress: Progress) -> None:
        frames = self._frames_of(member)
        try:
            if selection is None:
                extract_tar(frames.whole(), folder, progress)
            else:
                pieces = (piece for start, end in selection.ranges for piece in frames.read(start, end))
                extract_tar(pieces, folder, progress)
        except TarError as wrong:
            raise frames.damaged(str(wrong)) from wrong

    def _extract_sole(self, member: Member, path: Path, progress: Progress) -> None:
        with create_image(path, member.stream_bytes) as image:
            try:
                write_image(self._frames_of(member), image, 0, progress)
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def _selection(self, member: Member, inner: set[bytes]) -> Selection | None:
        """What to take of a member, or None for all of it."""
        if b"." in inner or (member.index is None and inner == {sole_entry(member).path}):
            return None
        selection = Selection(inner)
        for entry in self._entries_of(member, selection.is_asked_for):
            selection.ask_for_target_of(entry)
        missing = selection.missing()
        if missing:
            raise NotInArchive(path=path_text(joined(self.prefix(member), missing[0])), where=self.store.location)
        for entry in self._entries_of(member, selection.is_needed):
            selection.take(entry)
        return selection

    def _entry(self, member: Member, inner: bytes, path: str | bytes) -> Entry:
        if member.index is not None:
            found = IndexReader(self.store, member.index).find(inner)
        else:
            found = next(self._entries_of(member, inner.__eq__), None)
        if found is not None:
            return found
        raise NotInArchive(path=_text(path), where=self.store.location)

    def _entries_of(self, member: Member, wanted: Callable[[bytes], object] | None) -> Iterator[Entry]:
        if member.index is not None:
            yield from IndexReader(self.store, member.index).entries(wanted)
        else:
            sole = sole_entry(member)
            if wanted is None or wanted(sole.path):
                yield sole

    def _frames_of(self, member: Member) -> FrameReader:
        return self._frames.setdefault(member.name, FrameReader(self.store, member))

    def _located(self, path: str | bytes) -> tuple[Member, bytes]:
        """The member that a path lies in, and the path within it."""
        raw = os.fsencode(path)
        raw = raw.removeprefix(b"./").rstrip(b"/") or b"."
        if len(self.manifest.members) == 1:
            return self.manifest.members[0], raw
        if self.manifest.is_dump:
            asked = path_text(raw)
            name = next((member.name for member in self.manifest.members if member.dump_file == asked), asked)
            return self._member(name), sole_entry(self._member(name)).path
        folder, _, inner = raw.partition(b"/")
        return self._member(path_text(folder)), inner or b"."

    def _member(self, name: str) -> Member:
        for member in self.manifest.members:
            if member.name == name:
                return member
        raise NotInArchive(path=name, where=self.store.location)

    def prefix(self, member: Member) -> bytes:
        """What the member's paths begin with: nothing where nothing else has such paths, otherwise its name."""
        return b"" if len(self.manifest.members) == 1 or member.kind == "dump" else member.name.encode()


def joined(prefix: bytes, path: bytes) -> bytes:
    """A member's path as a reader of the archive names it."""
    if not prefix:
        return path
    return prefix if path == b"." else prefix + b"/" + path


def _beneath(prefix: bytes, matches: Callable[[bytes], object]) -> Callable[[bytes], object]:
    return lambda path: matches(joined(prefix, path))


def _text(path: str | bytes) -> str:
    return path_text(os.fsencode(path))
