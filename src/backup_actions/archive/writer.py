"""Turns a directory, a disk image or a block device into an archive."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from backup_actions.archive.allocation import HAVE_BITMAPS, Allocation, Extent, read_allocation
from backup_actions.archive.device import BlockSource, archive_region
from backup_actions.archive.ext_metadata import AllocationUnknownError
from backup_actions.archive.files import archive_tree
from backup_actions.archive.folder_store import FolderStore
from backup_actions.archive.frames import FramedStream, FrameWriter
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.layout import read_layout, region_peek, undivided
from backup_actions.archive.logical_volumes import activated, metadata_bytes, reason_not_to_activate
from backup_actions.archive.mounting import PHYSICAL_VOLUME, CannotMountError, mounted, reason_not_to_mount
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.store import ObjectWriter, Store
from backup_actions.errors import ArchiveExists, SourceUnreadable
from backup_actions.model.clock import Clock, SystemClock
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import MANIFEST_NAME, Kind, Layout, Manifest, Member, Region
from backup_actions.model.progress import Progress, Silence

_SUFFIX = {"zstd": "zst", "gzip": "gz"}
_JOURNAL_IGNORED = "its journal was not replayed, because the source must not be written to"


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
    is read, SourceUnreadable where anything of the source could not be read, UploadFailed, ToolMissing,
    DeviceUnavailable. Memory: see ArchiveOptions.
    """
    if to.describe(MANIFEST_NAME) is not None:
        raise ArchiveExists(where=to.location)
    writer = _Writer(to, options or ArchiveOptions(), progress or Silence())
    kind = _kind(source)
    if kind == "directory":
        layout, members = None, [writer.directory(source)]
    else:
        layout, members = writer.device(source)
    described = {"kind": kind, "name": name or str(source)}
    manifest = Manifest(
        tool_version=version("aws-backup-actions"),
        created=(clock or SystemClock()).now().isoformat(timespec="seconds"),
        source=described if recovery_point is None else {**described, "recovery_point": recovery_point},
        layout=layout,
        members=tuple(members),
    )
    to.put_if_absent(MANIFEST_NAME, manifest.to_bytes())
    return manifest


def _kind(source: Path) -> str:
    try:
        mode = source.stat().st_mode
    except OSError as failure:
        raise SourceUnreadable(what=source, reason=failure.strerror) from failure
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISBLK(mode):
        return "block-device"
    if stat.S_ISREG(mode):
        return "image"
    raise SourceUnreadable(what=source, reason="it is neither a directory nor an image nor a block device")


def member_name(region: Region) -> str:
    """The folder of a region's objects: ``p1``, ``gap-0``, ``whole``."""
    return {"partition": f"p{region.number}", "gap": f"gap-{region.number}", "whole": "whole"}[region.role]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a member goes, and what is said of it whatever it holds."""

    name: str
    folder: str = ""
    region_index: int | None = None
    raw_because: str = ""
    notes: tuple[str, ...] = ()
    logical_volume: str = ""


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes members; each is whole when its method returns."""

    to: Store
    options: ArchiveOptions
    progress: Progress

    def directory(self, source: Path) -> Member:
        """The one member of a directory's archive."""
        if isinstance(self.to, FolderStore) and self.to.path.resolve().is_relative_to(source.resolve()):
            raise SourceUnreadable(what=source, reason="the archive would lie inside of what it archives")
        self.progress.start(str(source), None)
        return self._files(_Place(name="files"), source, expected_bytes=None, one_file_system=True)

    def device(self, source: Path) -> tuple[Layout, list[Member]]:
        """A member for each region of an image or device."""
        with BlockSource(source) as blocks:
            layout = read_layout(blocks)
            members = (self._region(blocks, region, index) for index, region in enumerate(layout.regions))
            return layout, [member for of_region in members for member in of_region]

    def _region(self, blocks: BlockSource, region: Region, index: int) -> list[Member]:
        """One member; of a physical volume of LVM, one for its metadata and one for each logical volume."""
        name = member_name(region)
        place = _Place(name=name, folder=f"{name}/", region_index=index)
        if region.file_system is None or region.file_system.type != PHYSICAL_VOLUME:
            return [self._best(blocks, region, place)]
        because = self._why_raw(region) or self._why_not_activated()
        if not because:
            try:
                return self._physical_volume(blocks, region, place)
            except CannotMountError as refused:
                because = str(refused)
        return [self._raw(blocks, region, place, because)]

    def _best(self, blocks: BlockSource, region: Region, place: _Place) -> Member:
        """The region's files where they can be had, else its image."""
        because = self._why_raw(region)
        if because:
            return self._raw(blocks, region, place, because)
        try:
            return self._file_system(blocks, region, place)
        except CannotMountError as refused:
            suspicion = "a file system that cannot be mounted may be damaged"
            return self._raw(blocks, region, place, str(refused), suspicion)

    def _raw(self, blocks: BlockSource, region: Region, place: _Place, because: str, suspicion: str = "") -> Member:
        if region.role != "gap":
            self.progress.note(f"{place.name} is archived as an image: {because}")
        place = replace(place, raw_because=because)
        allocation, note = self._allocation(blocks, region, suspicion)
        if note:
            place = replace(place, notes=(note,))
            self.progress.note(f"{place.name}: {note}")
        if allocation is None:
            return self._image(blocks, region, place, [(0, region.size_bytes)], region.size_bytes)
        return self._image(blocks, region, place, allocation.extents(), allocation.used_bytes)

    def _why_not_activated(self) -> str:
        if not self.options.source_is_scratch:
            return "logical volumes are not activated: that would write to the source"
        return reason_not_to_activate()

    def _physical_volume(self, blocks: BlockSource, region: Region, place: _Place) -> list[Member]:
        """An image of the metadata alone, and every logical volume. Raises CannotMountError before all that."""
        metadata = metadata_bytes(blocks.path, region)
        with activated(blocks.path, region) as volumes:
            note = (
                f"only the {metadata} bytes of LVM's metadata were read; its logical volumes are members of their own"
            )
            self.progress.note(f"{place.name}: {note}")
            members = [self._image(blocks, region, replace(place, notes=(note,)), [(0, metadata)], metadata)]
            for number, volume in enumerate(volumes, start=1):
                name = f"{place.name}-lv{number}"
                inner = replace(place, name=name, folder=f"{name}/", logical_volume=volume.name)
                with BlockSource(volume.device) as inside:
                    members.append(self._best(inside, undivided(inside), inner))
            return members

    def _why_raw(self, region: Region) -> str:
        because = reason_not_to_mount(region)
        if because:
            return because
        if self.options.raw == "always":
            return "images were asked for"
        if not self.options.mount:
            return "mounting was switched off"
        return "" if os.geteuid() == 0 else "mounting needs root"

    def _file_system(self, blocks: BlockSource, region: Region, place: _Place) -> Member:
        with mounted(blocks.path, region, source_is_scratch=self.options.source_is_scratch) as file_system:
            if file_system.journal_ignored:
                place = replace(place, notes=(_JOURNAL_IGNORED,))
                self.progress.note(f"{place.name}: {_JOURNAL_IGNORED}")
            usage = os.statvfs(file_system.root)
            used_bytes = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
            self.progress.start(place.name, used_bytes)
            expected_bytes = used_bytes * 11 // 10  # headers of small files come on top
            # Nothing is mounted below, and each subvolume of a btrfs looks like a file system of its own.
            return self._files(place, file_system.root, expected_bytes=expected_bytes, one_file_system=False)

    def _files(self, place: _Place, root: Path, *, expected_bytes: int | None, one_file_system: bool) -> Member:
        name = f"{place.folder}files.tar.{_SUFFIX[self.options.codec]}"
        with (
            self.to.create(name, expected_bytes=expected_bytes) as stored,
            self.to.create(f"{place.folder}index.parquet") as stored_index,
            IndexWriter(stored_index, self.options.frame_bytes) as index,
            FrameWriter(stored.write, self.options) as frames,
        ):
            tree = archive_tree(root, frames, index, one_file_system=one_file_system, progress=self.progress)
            member = self._member(place, "files", frames.finish(), stored, source_bytes=tree.content_bytes)
            for note in tree.notes:
                self.progress.note(f"{place.name}: {note}")
            return replace(
                member,
                index=index.finish(),
                counts=tree.counts,
                sockets=tree.sockets,
                notes=(*place.notes, *tree.notes),
            )

    def _image(
        self, blocks: BlockSource, region: Region, place: _Place, extents: Iterable[Extent], wanted_bytes: int
    ) -> Member:
        """An image of the region, with zeros for all that lies outside of the extents."""
        self.progress.start(place.name, wanted_bytes)
        name = f"{place.folder}device.img.{_SUFFIX[self.options.codec]}"
        with (
            self.to.create(name, expected_bytes=wanted_bytes) as stored,
            FrameWriter(stored.write, self.options) as frames,
        ):
            archive_region(blocks, region, frames, self.progress, extents)
            return self._member(place, "device", frames.finish(), stored, source_bytes=region.size_bytes)

    def _allocation(self, blocks: BlockSource, region: Region, suspicion: str) -> tuple[Allocation | None, str]:
        """What alone has to be read of a region, if that is known for sure, and what to say about it."""
        if self.options.whole_images or region.file_system is None or region.file_system.type not in HAVE_BITMAPS:
            return None, ""
        if suspicion:
            return None, f"everything was read: {suspicion}"
        try:
            allocation = read_allocation(region_peek(blocks, region), region.size_bytes)
        except AllocationUnknownError as unknown:
            return None, f"everything was read: {unknown}"
        used, size = allocation.used_bytes, region.size_bytes
        return allocation, f"only the {used} of {size} bytes that are in use were read; all others are zeros"

    def _member(
        self, place: _Place, kind: Kind, stream: FramedStream, stored: ObjectWriter, *, source_bytes: int
    ) -> Member:
        return Member(
            name=place.name,
            kind=kind,
            codec=self.options.codec,
            object=stored.finish(),
            index=None,
            region_index=place.region_index,
            logical_volume=place.logical_volume,
            frames=stream.frames,
            stream_bytes=stream.stream_bytes,
            stream_blake3=stream.blake3,
            source_bytes=source_bytes,
            raw_because=place.raw_because,
            notes=place.notes,
        )
