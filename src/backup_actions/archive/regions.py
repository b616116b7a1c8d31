"""How each region of a device is archived: its files where it can be mounted, else an image of what is in use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from backup_actions.archive.allocation import HAVE_BITMAPS, Allocation, read_allocation
from backup_actions.archive.device import Blocks, BlockSource
from backup_actions.archive.ext_metadata import AllocationUnknownError
from backup_actions.archive.layout import region_peek, undivided
from backup_actions.archive.logical_volumes import activated, metadata_bytes, reason_not_to_activate
from backup_actions.archive.members import MemberWriter, Place
from backup_actions.archive.mounting import (
    PHYSICAL_VOLUME,
    CannotMountError,
    HiddenAttributesError,
    mounted,
    reason_not_to_mount,
)
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.superblocks import spans_several_devices
from backup_actions.errors import SourceUnreadable
from backup_actions.model.manifest import Member, Region
from backup_actions.model.progress import Progress

Reopen = Callable[[], Blocks]
"""Opens the bytes of a device once more, as they were before anything was tried on it. Raises SourceUnreadable."""

_SUPERBLOCKS_END = 128 << 10  # of every file system that is mounted
_JOURNAL_IGNORED = "its journal was not replayed, because the source must not be written to"


def member_name(region: Region) -> str:
    """The folder of a region's objects: ``p1``, ``gap-0``, ``whole``."""
    return {"partition": f"p{region.number}", "gap": f"gap-{region.number}", "whole": "whole"}[region.role]


@dataclass(frozen=True, slots=True)
class RegionWriter:
    """Decides for each region, and lets its members be written."""

    members: MemberWriter
    options: ArchiveOptions
    progress: Progress
    unmountable_from: Reopen | None = None
    """Where a region is read after a mount has failed, which may have changed the device."""

    def write(self, blocks: Blocks, region: Region, index: int) -> list[Member]:
        """One member; of a physical volume of LVM, one for its metadata and one for each logical volume.

        Raises SourceUnreadable, UploadFailed, ToolMissing, DeviceUnavailable.
        """
        name = member_name(region)
        place = Place(name=name, folder=f"{name}/", region_index=index)
        if region.file_system is None or region.file_system.type != PHYSICAL_VOLUME:
            return [self._best(blocks, region, place, self.unmountable_from)]
        because = self._why_raw(blocks, region) or self._why_not_activated()
        if not because and blocks.path:
            try:
                return self._physical_volume(blocks.path, blocks, region, place)
            except CannotMountError as refused:
                because = str(refused)
        return [self._raw(blocks, region, place, because)]

    def _best(self, blocks: Blocks, region: Region, place: Place, unmountable_from: Reopen | None) -> Member:
        """The region's files where they can be had, else its image."""
        finished = self.members.finished(place.name)
        if finished:
            return finished
        because = self._why_raw(blocks, region)
        if because or not blocks.path:
            return self._raw(blocks, region, place, because)
        try:
            return self._file_system(blocks.path, region, place)
        except HiddenAttributesError as hidden:
            # Its journal may have been replayed, as by every mount: what is there is whole, and costs nothing to read.
            return self._raw(blocks, region, place, str(hidden))
        except CannotMountError as refused:
            suspicion = "a file system that cannot be mounted may be damaged"
            with self._untouched(blocks, region, unmountable_from) as untouched:
                return self._raw(untouched, region, place, str(refused), suspicion)

    @contextmanager
    def _untouched(self, blocks: Blocks, region: Region, reopen: Reopen | None) -> Iterator[Blocks]:
        """The bytes as they were before the mount was tried, where they can be had, else as they are."""
        with ExitStack() as stack:
            try:
                if reopen:
                    again = stack.enter_context(reopen())
                    region_peek(again, region)(0, _SUPERBLOCKS_END)  # who may open it may not be allowed to read it
                    blocks = again
            except SourceUnreadable as failure:
                self.progress.note(f"{failure}: {blocks.name} is read instead")
            yield blocks

    def _raw(self, blocks: Blocks, region: Region, place: Place, because: str, suspicion: str = "") -> Member:
        if region.role != "gap":
            self.progress.note(f"{place.name} is archived as an image: {because}")
        allocation, note = self._allocation(blocks, region, suspicion)
        elsewhere = "" if blocks.path else f"it was read from {blocks.name}"
        place = replace(place, raw_because=because, notes=tuple(filter(None, (note, elsewhere))))
        for said in place.notes:
            self.progress.note(f"{place.name}: {said}")
        if allocation is None:
            return self.members.image(blocks, region, place, lambda: [(0, region.size_bytes)], region.size_bytes)
        return self.members.image(blocks, region, place, allocation.extents, allocation.used_bytes)

    def _why_not_activated(self) -> str:
        if not self.options.source_is_scratch:
            return "logical volumes are not activated: that would write to the source"
        return reason_not_to_activate()

    def _physical_volume(self, path: Path, blocks: Blocks, region: Region, place: Place) -> list[Member]:
        """An image of the metadata alone, and every logical volume. Raises CannotMountError before all that."""
        metadata = metadata_bytes(path, region)
        with activated(path, region) as volumes:
            note = (
                f"only the {metadata} bytes of LVM's metadata were read; its logical volumes are members of their own"
            )
            self.progress.note(f"{place.name}: {note}")
            members = [
                self.members.image(blocks, region, replace(place, notes=(note,)), lambda: [(0, metadata)], metadata)
            ]
            for number, volume in enumerate(volumes, start=1):
                name = f"{place.name}-lv{number}"
                inner = replace(place, name=name, folder=f"{name}/", logical_volume=volume.name)
                with BlockSource(volume.device) as inside:
                    members.append(self._best(inside, undivided(inside), inner, None))
            return members

    def _why_raw(self, blocks: Blocks, region: Region) -> str:
        because = reason_not_to_mount(region)
        if because:
            return because
        if self.options.raw == "always":
            return "images were asked for"
        if not self.options.mount:
            return "mounting was switched off"
        if blocks.path is None:
            return "there is no device to mount"
        if region.file_system and spans_several_devices(region_peek(blocks, region), region.file_system.type):
            return "its file system spans several devices"
        return "" if os.geteuid() == 0 else "mounting needs root"

    def _file_system(self, path: Path, region: Region, place: Place) -> Member:
        with mounted(path, region, source_is_scratch=self.options.source_is_scratch) as file_system:
            if file_system.journal_ignored:
                place = replace(place, notes=(_JOURNAL_IGNORED,))
                self.progress.note(f"{place.name}: {_JOURNAL_IGNORED}")
            usage = os.statvfs(file_system.root)
            used_bytes = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
            self.progress.start(place.name, used_bytes)
            expected_bytes = used_bytes * 11 // 10  # headers of small files come on top
            # Nothing is mounted below, and each subvolume of a btrfs looks like a file system of its own.
            return self.members.files(place, file_system.root, expected_bytes=expected_bytes, one_file_system=False)

    def _allocation(self, blocks: Blocks, region: Region, suspicion: str) -> tuple[Allocation | None, str]:
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
