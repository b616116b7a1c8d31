"""Turns a directory, a disk image, a block device or a snapshot into an archive."""

from __future__ import annotations

import stat
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path

from backup_actions.archive.device import Blocks, BlockSource
from backup_actions.archive.folder_store import FolderStore
from backup_actions.archive.layout import read_layout
from backup_actions.archive.members import MemberWriter, Place
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.regions import RegionWriter, Reopen
from backup_actions.archive.store import Store
from backup_actions.errors import ArchiveExists, SourceUnreadable
from backup_actions.model.clock import Clock, SystemClock
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import MANIFEST_NAME, Layout, Manifest, Member
from backup_actions.model.progress import Progress, Silence


def archive(
    source: Path | Blocks,
    to: Store,
    *,
    unmountable_from: Reopen | None = None,
    options: ArchiveOptions | None = None,
    name: str = "",
    recovery_point: JsonObject | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Manifest:
    """The archive stands complete in the store, its manifest written last.

    ``unmountable_from`` opens the source's bytes once more, for what could not be mounted. Blocks given stay open.
    ``name`` is what the source is called in the manifest, by default its path. Raises ArchiveExists before anything
    is read, SourceUnreadable where anything of the source could not be read, UploadFailed, ToolMissing,
    DeviceUnavailable. Memory: see ArchiveOptions.
    """
    if to.describe(MANIFEST_NAME) is not None:
        raise ArchiveExists(where=to.location)
    options, progress = options or ArchiveOptions(), progress or Silence()
    writer = MemberWriter(to, options, progress)
    kind = _kind(source)
    if isinstance(source, Path) and kind == "directory":
        layout, members = None, [_directory(source, to, writer, progress)]
    else:
        layout, members = _device(source, RegionWriter(writer, options, progress, unmountable_from))
    described = {"kind": kind, "name": name or (source.name if isinstance(source, Blocks) else str(source))}
    manifest = Manifest(
        tool_version=version("aws-backup-actions"),
        created=(clock or SystemClock()).now().isoformat(timespec="seconds"),
        source=described if recovery_point is None else {**described, "recovery_point": recovery_point},
        layout=layout,
        members=tuple(members),
    )
    to.put_if_absent(MANIFEST_NAME, manifest.to_bytes())
    return manifest


def _kind(source: Path | Blocks) -> str:
    if isinstance(source, Blocks):
        return "ebs-snapshot"
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


def _directory(source: Path, to: Store, members: MemberWriter, progress: Progress) -> Member:
    """The one member of a directory's archive."""
    if isinstance(to, FolderStore) and to.path.resolve().is_relative_to(source.resolve()):
        raise SourceUnreadable(what=source, reason="the archive would lie inside of what it archives")
    progress.start(str(source), None)
    return members.files(Place(name="files"), source, expected_bytes=None, one_file_system=True)


def _device(source: Path | Blocks, regions: RegionWriter) -> tuple[Layout, list[Member]]:
    """A member for each region of an image, device or snapshot."""
    opened: AbstractContextManager[Blocks] = BlockSource(source) if isinstance(source, Path) else nullcontext(source)
    with opened as blocks:
        layout = read_layout(blocks)
        written = (regions.write(blocks, region, index) for index, region in enumerate(layout.regions))
        return layout, [member for members in written for member in members]
