"""Keeps below ``resume/`` what is done of an archive, so that another process can go on with it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from backup_actions.archive.checkpoint import (
    CHECKPOINT_NAME,
    MOST_BYTES,
    Blob,
    Checkpoint,
    CheckpointDamagedError,
    UnderWay,
)
from backup_actions.archive.frames_so_far import FramesSoFar
from backup_actions.archive.interrupts import uninterrupted
from backup_actions.archive.store import CannotResumeError, KeptObject, Store
from backup_actions.archive.tree_so_far import TreeSoFar
from backup_actions.errors import ArchiveMissing, AwsCallFailed, BackupActionsError
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import RESUME_FOLDER, Manifest, Member
from backup_actions.model.progress import Progress

_SHARE_OF_TIME = 30
"""Checkpoints take at most a thirtieth of the time: they come more seldom where one takes long."""
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """A member under way, as far as the store will not lose it."""

    member: str
    object: str
    kept: KeptObject
    frames: FramesSoFar
    tree: TreeSoFar | None = None


class Work(Protocol):
    """A member being written, asked from another thread."""

    def so_far(self) -> SoFar | None:
        """What is kept of it, None while that is nothing that one could go on from."""
        ...


class Journal:
    """Writes a checkpoint every so often, from a thread of its own, until it is closed.

    ``manifest`` makes a manifest of finished members.
    """

    def __init__(
        self,
        to: Store,
        identity: JsonObject,
        manifest: Callable[[tuple[Member, ...]], Manifest],
        progress: Progress,
        *,
        frame_bytes: int,
        every_seconds: float,
    ) -> None:
        self._to = to
        self._frame_bytes = frame_bytes
        self._identity = json.loads(json.dumps(identity))
        self._manifest = manifest
        self._progress = progress
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._finished: tuple[Member, ...] = ()
        self._under_way: UnderWay | None = None
        self._work: Work | None = None
        self._noted: UnderWay | None = None  # what the stored checkpoint refers to
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, name="checkpoints", daemon=True)
        self.segments = Segments(to)
        self._open()
        self._thread.start()

    def finished(self, name: str) -> Member | None:
        """The member of that name, if it is done already."""
        return next((member for member in self._finished if member.name == name), None)

    def begun(self, member: str, name: str) -> SoFar | None:
        """What an earlier process kept of this member in an object of this name."""
        under_way = self._under_way
        if under_way is None or (under_way.member, under_way.object) != (member, name):
            return None
        try:
            frames = FramesSoFar.from_bytes(self._blob(under_way.frames))
            tree = TreeSoFar.from_bytes(self._blob(under_way.tree)) if under_way.tree else None
            described = (frames.stored_bytes, len(frames), set(frames.table.content_bytes))
            if described != (under_way.kept.size_bytes, under_way.kept.writes, {self._frame_bytes}):
                raise CheckpointDamagedError("its frames are not those that were kept")
        except (ValueError, ArchiveMissing) as damaged:
            self._progress.note(f"{member} is archived from its beginning: {damaged}")
            self.forget()
            return None
        return SoFar(member=member, object=name, kept=under_way.kept, frames=frames, tree=tree)

    def follow(self, work: Work | None) -> None:
        """From now on checkpoints tell of this work; nobody asks the one before any more."""
        with self._lock:
            self._work = work

    def forget(self) -> None:
        """Nothing is kept of the member under way: its upload is given up."""
        with self._lock:
            self._under_way = None
            self._write()
        self._give_up(None)

    def will_finish(self, member: Member) -> None:
        """The member counts as finished as soon as its objects stand. Raises UploadFailed."""
        with self._lock:
            self._finished = (*self._finished, member)
            self._work = None
            self._write()

    def flush(self) -> UnderWay | None:
        """The store knows all that is kept now; what that is."""
        with uninterrupted(), self._lock:
            self._look()
            if self._under_way:
                self._write()
            return self._under_way

    @property
    def kept(self) -> str:
        """What another process can go on with, in words; empty where that is nothing."""
        done = [f"{len(self._finished)} finished members"] if self._finished else []
        under_way = self._under_way
        if under_way and self.finished(under_way.member) is None:
            kept = under_way.kept
            done.append(f"{kept.size_bytes} bytes of {under_way.object} (unfinished object {kept.handle})")
        return " and ".join(done)

    def close(self) -> None:
        """No checkpoint is written any more."""
        with uninterrupted():
            self._ended.set()
            self._thread.join()
            self.segments.close()

    def remove(self) -> None:
        """Nothing is left below ``resume/``, or it is said: a complete archive is not worse for it."""
        try:
            self._to.remove_folder(RESUME_FOLDER)
        except (BackupActionsError, OSError) as failure:
            self._progress.note(f"{self._to.location}/{RESUME_FOLDER} could not be removed: {failure}")

    def _open(self) -> None:
        checkpoint = self._found()
        kept = checkpoint.under_way.kept if checkpoint and checkpoint.under_way else None
        self._give_up(kept)
        if checkpoint is None:
            return
        self._finished = tuple(member for member in checkpoint.members if self._stands(member))
        if checkpoint.under_way and self.finished(checkpoint.under_way.member) is None:
            self._under_way = self._noted = checkpoint.under_way
        self._progress.note(f"an unfinished archive is continued: {self.kept or 'nothing'} of it is there")

    def _found(self) -> Checkpoint | None:
        """The checkpoint to go on from; what cannot be one is removed, and said."""
        try:
            data = self._to.read(CHECKPOINT_NAME, 0, MOST_BYTES)
        except ArchiveMissing:
            return None
        try:
            checkpoint = Checkpoint.from_bytes(data)
            differing = [key for key in self._identity if checkpoint.identity.get(key) != self._identity[key]]
            if not differing:
                return checkpoint
            reason = f"{' and '.join(differing)} differ from what was begun"
        except CheckpointDamagedError as damaged:
            reason = str(damaged)
        self._progress.note(f"the archive is begun again: {reason}")
        self._to.remove_folder(RESUME_FOLDER)
        return None

    def _stands(self, member: Member) -> bool:
        objects = [stored for stored in (member.object, member.index) if stored is not None]
        return all(self._to.describe(stored.name) == stored for stored in objects)

    def _give_up(self, besides: KeptObject | None) -> None:
        try:
            self._to.give_up_unfinished(besides=besides)
        except AwsCallFailed as refused:
            self._progress.note(f"uploads that were left open cannot be looked for: {refused}")

    def _blob(self, blob: Blob) -> bytes:
        return blob.checked(self._to.read(blob.name, 0, blob.size_bytes + 1))

    def _keep_writing(self) -> None:
        pause = self._every_seconds
        while not self._ended.wait(pause):
            began = time.monotonic()
            try:
                with self._lock:
                    self._look()
                    if self._under_way != self._noted:
                        self._write()
            except (BackupActionsError, OSError) as failure:
                self._progress.note(f"a checkpoint could not be stored: {failure}")
            pause = max(self._every_seconds, _SHARE_OF_TIME * (time.monotonic() - began))

    def _look(self) -> None:
        """Store what the checkpoint will refer to, under other names than the stored one's."""
        so_far = self._work.so_far() if self._work else None
        if so_far is None or (self._under_way and self._under_way.kept == so_far.kept):
            return
        self.segments.settle()
        generation = 0 if self._noted and self._noted.frames.name.endswith("-1") else 1
        self._under_way = UnderWay(
            member=so_far.member,
            object=so_far.object,
            kept=so_far.kept,
            frames=self._stored(f"{RESUME_FOLDER}/frames-{generation}", so_far.frames.to_bytes()),
            tree=self._stored(f"{RESUME_FOLDER}/tree-{generation}", so_far.tree.to_bytes()) if so_far.tree else None,
        )

    def _stored(self, name: str, data: bytes) -> Blob:
        self._to.put(name, data)
        return Blob.of(name, data)

    def _write(self) -> None:
        finished = self._manifest(self._finished) if self._finished else None
        checkpoint = Checkpoint(identity=self._identity, finished=finished, under_way=self._under_way)
        self._to.put(CHECKPOINT_NAME, checkpoint.to_bytes())
        self._noted = self._under_way


class Segments:
    """Finished stretches of an index, stored in the background one at a time, each behind its own hash."""

    def __init__(self, to: Store) -> None:
        self._to = to
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="segments")
        self._storing: Future[None] | None = None

    def keep(self, number: int, data: bytes) -> None:
        """Waits for the segment before; raises what kept that one from being stored."""
        self.settle()
        self._storing = self._pool.submit(self._to.put, self._name(number), sha256(data).digest() + data)

    def kept(self, number: int) -> bytes:
        """Raises CannotResumeError where it is gone, or is not what it was."""
        try:
            stored = self._to.read(self._name(number))
        except ArchiveMissing as missing:
            raise CannotResumeError(str(missing)) from missing
        if sha256(stored[_DIGEST_BYTES:]).digest() != stored[:_DIGEST_BYTES]:
            raise CannotResumeError(f"{self._name(number)} is not what it was")
        return stored[_DIGEST_BYTES:]

    def settle(self) -> None:
        """All segments are stored. Raises UploadFailed."""
        if self._storing is not None:
            self._storing.result()

    def close(self) -> None:
        """Nothing is on its way any more."""
        self._pool.shutdown()

    def _name(self, number: int) -> str:
        return f"{RESUME_FOLDER}/index-{number}.arrow"
