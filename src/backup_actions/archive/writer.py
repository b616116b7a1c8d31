"""Turns a directory, a disk image, a block device or a snapshot into an archive."""

from __future__ import annotations

import stat
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

from backup_actions.archive.device import Blocks, BlockSource
from backup_actions.archive.files import reader_of_trees
from backup_actions.archive.folder_store import FolderStore
from backup_actions.archive.layout import read_layout
from backup_actions.archive.members import MemberWriter, Place
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.regions import RegionWriter, Reopen
from backup_actions.archive.resuming import journal_kept
from backup_actions.archive.store import Store
from backup_actions.aws.soon import soon
from backup_actions.errors import ArchiveExists, SourceUnreadable
from backup_actions.model.clock import Clock, SystemClock
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import MANIFEST_NAME, RESUME_FOLDER, Layout, Manifest, Member
from backup_actions.model.progress import Progress, Silence


def archive(
    source: Path | Blocks,
    to: Store,
    *,
    unmountable_from: Reopen | None = None,
    options: ArchiveOptions | None = None,
    name: str = "",
    run: str = "",
    recovery_point: JsonObject | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
    checkpoint_seconds: float | None = None,
) -> Manifest:
    """The archive stands complete in the store, its manifest written last.

    ``unmountable_from`` opens the source's bytes once more, for what could not be mounted. Blocks given stay open.
    ``name`` is what the source is called in the manifest, by default its path. The objects of a ``run`` lie in a folder
    of that name, where no other run writes or removes anything; the manifest above it names them. With
    ``checkpoint_seconds`` progress is stored as often, an interruption leaves what was done, and the next call for the
    same source and run goes on with it.
    Raises ArchiveExists before anything is written, SourceUnreadable where anything of the source could not be read,
    UploadFailed, ToolMissing, DeviceUnavailable, ArchiveInterrupted. Memory: see ArchiveOptions.
    """
    options, progress, clock = options or ArchiveOptions(), progress or Silence(), clock or SystemClock()
    place = to.folder(run) if run else to
    if checkpoint_seconds is None:
        place = place.after(soon(partial(_require_absent, to)))  # the source is read meanwhile
    else:
        _require_absent(to, notes_in=place)
    kind = _kind(source)
    described: JsonObject = {"kind": kind, "name": name or (source.name if isinstance(source, Blocks) else str(source))}
    if recovery_point is not None:
        described = {**described, "recovery_point": recovery_point}
    with _opened(source, kind) as blocks, ExitStack() as stack:
        times = blocks.times() if blocks else ""
        layout = read_layout(blocks) if blocks else None
        manifest = partial(_manifest, source=described, layout=layout, clock=clock)
        journal = None
        if checkpoint_seconds is not None:
            identity = _identity(described, layout, times)
            journal = stack.enter_context(
                journal_kept(
                    place, options, identity, manifest, progress, every_seconds=checkpoint_seconds, manifest_in=to
                )
            )
        unchanged = partial(_require_unchanged, blocks, times, options)
        writer = MemberWriter(place, options, progress, journal, unchanged, manifest_in=to)
        if journal is None:
            stack.enter_context(writer.leaving_nothing())
        if blocks is None or layout is None:
            members = [_directory(Path(str(source)), to, writer, progress)]
        else:
            members = _device(blocks, layout, RegionWriter(writer, options, progress, unmountable_from))
    complete = manifest(tuple(members))
    if run:
        complete = complete.above(run)
    to.put_if_absent(MANIFEST_NAME, complete.to_bytes())
    if journal:
        journal.remove()
    return complete


def _require_absent(to: Store, *, notes_in: Store | None = None) -> None:
    """Raises ArchiveExists. Notes for a resume are removed then: whoever completed it may have had no time left to."""
    if to.describe(MANIFEST_NAME) is not None:
        if notes_in is not None:
            notes_in.remove_folder(RESUME_FOLDER)
        raise ArchiveExists(where=to.location)


def _manifest(members: tuple[Member, ...], *, source: JsonObject, layout: Layout | None, clock: Clock) -> Manifest:
    created = clock.now().isoformat(timespec="seconds")
    return Manifest(tool_version=_version(), created=created, source=source, layout=layout, members=members)


def _identity(source: JsonObject, layout: Layout | None, times: str) -> JsonObject:
    divided = asdict(layout) if layout else None
    return {
        "program": _version(),
        "source": source,
        "layout": divided,
        "times": times,
        "reader of trees": reader_of_trees(),
    }


def _require_unchanged(blocks: Blocks | None, times: str, options: ArchiveOptions) -> None:
    """Raises SourceUnreadable where somebody else has written to an image."""
    if blocks is not None and not options.source_is_scratch and blocks.times() != times:
        raise SourceUnreadable(what=blocks.name, reason="it changed while it was read")


def _version() -> str:
    return version("aws-backup-actions")


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


def _opened(source: Path | Blocks, kind: str) -> AbstractContextManager[Blocks | None]:
    if isinstance(source, Blocks):
        return nullcontext(source)
    return nullcontext() if kind == "directory" else BlockSource(source)


def _directory(source: Path, to: Store, members: MemberWriter, progress: Progress) -> Member:
    """The one member of a directory's archive."""
    if isinstance(to, FolderStore) and to.path.resolve().is_relative_to(source.resolve()):
        raise SourceUnreadable(what=source, reason="the archive would lie inside of what it archives")
    finished = members.finished("files")
    if finished:
        return finished
    progress.start(str(source), None)
    return members.files(Place(name="files"), source, expected_bytes=None, one_file_system=True)


def _device(blocks: Blocks, layout: Layout, regions: RegionWriter) -> list[Member]:
    """A member for each region of an image, device or snapshot."""
    written = (regions.write(blocks, region, index) for index, region in enumerate(layout.regions))
    return [member for members in written for member in members]
