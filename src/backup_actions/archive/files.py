"""A tree of files becomes a tar stream and its index. Whatever tar could not read makes the archive incomplete."""

from __future__ import annotations

import fcntl
import io
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from backup_actions.archive.entries import EntryType, counted
from backup_actions.archive.frames import FrameWriter
from backup_actions.archive.gnu_tar import create_command, environment, pipe
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.pax import TarError
from backup_actions.archive.tar_walker import TarWalker
from backup_actions.errors import SourceUnreadable
from backup_actions.model.manifest import Counts
from backup_actions.model.progress import Progress

_PIPE_BYTES = 1 << 20  # sixteen times the default: fewer turns between tar and us
_MOST_NAMES = 1_000  # of sockets in a manifest, and of complaints in memory; all are counted


@dataclass(frozen=True, slots=True)
class ArchivedTree:
    """What tar found."""

    counts: Counts
    content_bytes: int
    sockets: tuple[str, ...]
    notes: tuple[str, ...]


def archive_tree(
    root: Path, frames: FrameWriter, index: IndexWriter, *, one_file_system: bool, progress: Progress
) -> ArchivedTree:
    """Everything below root is in the frames and in the index.

    Raises SourceUnreadable for whatever tar could not read or saw change, ToolMissing where tar is not GNU's.
    """
    types: Counter[EntryType] = Counter()
    walker = TarWalker()
    with _Tar(root, one_file_system=one_file_system) as tar:
        while length := tar.output.readinto(room := frames.room()):
            before = walker.content_bytes
            try:
                for entry in walker.feed(room[:length]):
                    index.add(entry)
                    types[entry.type] += 1
            except TarError as wrong:
                raise SourceUnreadable(what=root, reason=f"tar wrote what we do not understand: {wrong}") from wrong
            frames.take(length)
            progress.add(walker.content_bytes - before)
        remarks = tar.ended()
    try:
        walker.finish()
    except TarError as wrong:
        raise SourceUnreadable(what=root, reason=f"tar stopped early: {wrong}") from wrong
    return ArchivedTree(
        counted(dict(types), remarks.socket_count), walker.content_bytes, tuple(remarks.sockets), tuple(remarks.notes)
    )


@dataclass
class _Remarks:
    """What tar said, sorted by what it means."""

    sockets: list[str] = field(default_factory=list)
    socket_count: int = 0
    notes: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        path = line.partition(": ")[2].rpartition(": ")[0]
        if line.endswith(": socket ignored"):
            self.socket_count += 1
            _keep(self.sockets, path.removeprefix("./"))
        elif line.endswith(": file is on a different filesystem; not dumped"):
            _keep(self.notes, f"{path.removeprefix('./')} is another file system and was left out")
        else:
            _keep(self.complaints, line)


def _keep(names: list[str], name: str) -> None:
    if len(names) < _MOST_NAMES:
        names.append(name)


class _Tar:
    """A running tar; leaving the block ends it whatever happened. What it says is read beside what it writes."""

    def __init__(self, root: Path, *, one_file_system: bool) -> None:
        self._root = root
        self._process = subprocess.Popen(
            create_command(root, one_file_system=one_file_system),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.output = _widened(pipe(self._process.stdout))
        self._errors = pipe(self._process.stderr)
        self._remarks = _Remarks()
        self._listener = threading.Thread(target=self._listen, name="tar-remarks", daemon=True)
        self._listener.start()

    def ended(self) -> _Remarks:
        """What tar said. Raises SourceUnreadable unless it read everything."""
        code = self._process.wait()
        self._listener.join()
        if code != 0 or self._remarks.complaints:
            reason = "; ".join(self._remarks.complaints[:5]) or f"tar ended with code {code}"
            raise SourceUnreadable(what=self._root, reason=reason)
        return self._remarks

    def __enter__(self) -> _Tar:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        self.output.close()
        self._errors.close()

    def _listen(self) -> None:
        rest = b""
        while data := self._errors.read(1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._remarks.take(line.decode("utf-8", "backslashreplace"))
        if rest:
            self._remarks.take(rest.decode("utf-8", "backslashreplace"))


def _widened(stream: IO[bytes]) -> io.FileIO:
    """The pipe with room for more, where the system knows how and this user may still have it."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return cast("io.FileIO", stream)  # started without a buffer
