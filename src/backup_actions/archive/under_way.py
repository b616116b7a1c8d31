"""A member being written: its object and its frames, which another process can go on with if there is a journal."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from backup_actions.archive.frames import FrameWriter
from backup_actions.archive.journal import Journal, SoFar
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.store import ObjectWriter, Store
from backup_actions.archive.tree_so_far import TreeJournal
from backup_actions.errors import BackupActionsError


def can_be_continued(error: BaseException | None) -> bool:
    """Whether the same command may succeed later, with the same source."""
    return isinstance(error, (KeyboardInterrupt, SystemExit)) or (
        isinstance(error, BackupActionsError) and error.retryable
    )


class MemberUnderWay:
    """Leaving the ``with`` early removes what was stored, unless a journal keeps it and the error may pass."""

    def __init__(
        self,
        to: Store,
        member: str,
        name: str,
        options: ArchiveOptions,
        *,
        expected_bytes: int | None,
        journal: Journal | None,
        begun: SoFar | None,
        is_tree: bool,
    ) -> None:
        self._member = member
        self._name = name
        self._frame_bytes = options.frame_bytes
        self._journal = journal
        self.begun = begun
        self.tree = TreeJournal(journal.segments, begun.tree if begun else None) if journal and is_tree else None
        memory_bytes = options.part_memory_mib << 20
        self.stored: ObjectWriter = (
            to.resume(name, begun.kept, expected_bytes=expected_bytes, memory_bytes=memory_bytes)
            if begun
            else to.create(name, expected_bytes=expected_bytes, memory_bytes=memory_bytes)
        )
        self.frames = FrameWriter(self.stored.write, options, begun=begun.frames if begun else None)
        self._stack = ExitStack()

    def so_far(self) -> SoFar | None:
        """What is kept, if frames and tree say the same of it: not behind the last frame, and not before the first."""
        kept = self.stored.kept()
        if kept is None:
            return None
        frames = self.frames.so_far(kept.writes)
        position = kept.writes * self._frame_bytes
        if len(frames) != kept.writes or frames.stream_bytes != position:
            return None
        tree = self.tree.so_far(position) if self.tree else None
        if tree is not None and tree.position != position:
            return None
        return SoFar(member=self._member, object=self._name, kept=kept, frames=frames, tree=tree)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.stored)
        self._stack.push(self._hold)
        self._stack.enter_context(self.frames)
        if self._journal:
            self._journal.follow(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _hold(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._journal is None:
            return
        try:
            if can_be_continued(error) and self.stored.hold():
                noted = self._journal.flush()
                if noted is None or noted.object != self._name:
                    self.stored.let_go()  # all of it is there, but for its end: nobody could go on from that
        finally:
            self._journal.follow(None)
