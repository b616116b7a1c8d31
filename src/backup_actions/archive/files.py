"""A tree of files becomes a tar stream and its index. Whatever could not be read makes the archive incomplete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backup_actions.archive.entries import counted
from backup_actions.archive.frames import FrameWriter
from backup_actions.archive.gnu_tar import TarCreation
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.index_rows import RowBatch
from backup_actions.archive.kept_frames import FramesReadAgain
from backup_actions.archive.pax import TarError
from backup_actions.archive.tar_walker import TarWalker
from backup_actions.archive.tree_follower import TreeFollower
from backup_actions.archive.tree_program import PIPE_BYTES
from backup_actions.archive.tree_reader import Kind, Reading, TreeReader, tree_reader
from backup_actions.archive.tree_remarks import Remarks
from backup_actions.archive.tree_so_far import TreeJournal
from backup_actions.errors import SourceUnreadable
from backup_actions.model.manifest import Counts
from backup_actions.model.progress import Progress

READ_AHEAD_MIB = 16


@dataclass(frozen=True, slots=True)
class ArchivedTree:
    """What was found."""

    counts: Counts
    content_bytes: int
    sockets: tuple[str, ...]
    notes: tuple[str, ...]


def reader_of_trees() -> str:
    """Which of the two readers is used; their headers are not the same byte for byte."""
    return "GNU tar" if tree_reader() is None else "the tree reader"


def archive_tree(
    root: Path,
    frames: FrameWriter,
    index: IndexWriter,
    *,
    one_file_system: bool,
    progress: Progress,
    journal: TreeJournal | None = None,
    read_ahead_mib: int = READ_AHEAD_MIB,
) -> ArchivedTree:
    """Everything below root is in the frames and in the index.

    The tree reader reads, or GNU tar where that is missing. With a journal that has begun, the frames begin where it
    ended. Raises SourceUnreadable for whatever could not be read or was seen to change, SourceDiffers where the tree
    is not the one that was begun, ToolMissing where there is neither a tree reader nor a GNU tar.
    """
    follower = TreeFollower(index, journal)
    first_frame = follower.position // index.frame_bytes
    keep_from = journal.begun.position if journal is not None and journal.begun is not None else 0
    kept = frames.so_far(keep_from // index.frame_bytes)
    intake = _Intake(
        frames=frames,
        follower=follower,
        progress=progress,
        keep_from=keep_from,
        again=FramesReadAgain(kept.digests, first_frame, index.frame_bytes),
    )
    program = tree_reader()
    if program is None:
        remarks = _by_gnu_tar(root, intake, one_file_system=one_file_system)
    else:
        reading = Reading(
            root=root,
            one_file_system=one_file_system,
            read_ahead_mib=read_ahead_mib,
            frames=frames.buffers,
            frame_bytes=index.frame_bytes,
            start_at=first_frame * index.frame_bytes,
        )
        remarks = _by_tree_reader(program, reading, intake)
    return ArchivedTree(
        counted(dict(follower.types), remarks.socket_count),
        follower.content_bytes,
        tuple(remarks.sockets),
        tuple(remarks.notes),
    )


@dataclass(kw_only=True)
class _Intake:
    """Where a tar goes. What lies before ``keep_from`` is in frames of an earlier process."""

    frames: FrameWriter
    follower: TreeFollower
    progress: Progress
    keep_from: int
    again: FramesReadAgain
    position: int = 0
    told_bytes: int = 0

    def take_frame(self, content: memoryview, release: Callable[[], None]) -> None:
        """The next frame of the tar, which is released once nobody looks at it any more."""
        follower, length = self.follower, len(content)
        follower.take(content[max(0, follower.position - self.position) :])
        self.tell(follower.passed_bytes)
        if self.position >= self.keep_from:
            self.frames.take_frame(content, release)
        else:
            self.again.compare(content)
            release()
        self.position += length

    def take(self, fill: Callable[[memoryview], int], follow: Callable[[memoryview], None]) -> bool:
        """The next bytes of the tar, which ``fill`` puts in place; whether there were some.

        What an earlier process kept is not compared: headers may differ, in the name of a sparse file is tar's number.
        """
        room = self.frames.room()[:PIPE_BYTES]
        if self.position < self.keep_from:
            room = room[: self.keep_from - self.position]
        length = fill(room)
        follow(room[:length])
        if self.position >= self.keep_from:
            self.frames.take(length)
        self.position += length
        return length > 0

    def tell(self, passed_bytes: int) -> None:
        """So much content has passed in all."""
        self.progress.add(passed_bytes - self.told_bytes)
        self.told_bytes = passed_bytes


def _by_tree_reader(program: Path, reading: Reading, intake: _Intake) -> Remarks:
    follower = intake.follower
    intake.position = reading.start_at
    with TreeReader(program, reading) as reader:
        try:
            while (chunk := reader.next_chunk()).kind is not Kind.END:
                match chunk.kind:
                    case Kind.FRAME:
                        intake.take_frame(*reader.frame(chunk.payload_bytes))
                    case Kind.ENTRIES:
                        follower.announce(RowBatch.announced(reader.payload(chunk.payload_bytes)))
                    case Kind.REMARK:
                        reader.take_remark(chunk.payload_bytes)
            totals = reader.ended(chunk.payload_bytes)
            follower.finish()
        except TarError as wrong:
            raise reader.misspoke(str(wrong)) from wrong
        found = (intake.position, sum(follower.types.values()), reader.remarks.socket_count)
        if totals != found:
            raise reader.misspoke(f"it counts {tuple(totals)}, we {found}")
        return reader.remarks


def _by_gnu_tar(root: Path, intake: _Intake, *, one_file_system: bool) -> Remarks:
    """tar cannot begin in the middle: a resume reads everything again, and compares the hash of each file."""
    walker, follower = TarWalker(), intake.follower

    def follow(data: memoryview) -> None:
        entries = walker.feed(data)
        if entries:
            follower.add(RowBatch.of_entries(entries))
        intake.tell(walker.content_bytes)

    with TarCreation(root, one_file_system=one_file_system) as tar:
        try:
            while intake.take(tar.read_into, follow):
                pass
        except TarError as wrong:
            reason = f"tar wrote what we do not understand: {wrong}"
            raise SourceUnreadable(what=root, reason=reason) from wrong
        remarks = tar.ended()
    try:
        walker.finish()
        follower.finish()
    except TarError as wrong:
        raise SourceUnreadable(what=root, reason=f"tar stopped early: {wrong}") from wrong
    return remarks
