"""Entries of a tar stream onto the disk: GNU tar writes, and sees nothing that was not checked before."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path

from backup_actions.archive.gnu_tar import extract_command
from backup_actions.archive.safe_paths import PathGuard
from backup_actions.archive.tar_walker import TarWalker
from backup_actions.archive.tree_program import environment, pipe
from backup_actions.errors import DiskFull, ExtractionFailed
from backup_actions.model.progress import Progress

_END_OF_TAR = bytes(1024)


def extract_tar(pieces: Iterable[bytes], to: Path, progress: Progress) -> None:
    """The entries of this tar, which needs no end mark, are below the folder.

    Raises UnsafePath, TarError, ExtractionFailed, ToolMissing; what was written before stays.
    """
    walker = TarWalker(PathGuard().check)
    with _Tar(to) as tar:
        for piece in chain(pieces, [_END_OF_TAR]):
            before = walker.content_bytes
            walker.feed(piece)
            tar.write(piece)
            progress.add(walker.content_bytes - before)
        walker.finish()
        tar.ended()


def require_room(folder: Path, needed_bytes: int) -> None:
    """Raise DiskFull where the file system of the folder, which need not exist yet, has not that many bytes left."""
    while not folder.exists():
        folder = folder.parent
    usage = os.statvfs(folder)
    free_bytes = usage.f_bavail * usage.f_frsize
    if free_bytes < needed_bytes:
        raise DiskFull(path=folder, free_mib=free_bytes >> 20, needed_mib=-(-needed_bytes >> 20))


class _Tar:
    """A tar that extracts what is written to it; leaving the block ends it whatever happened."""

    def __init__(self, to: Path) -> None:
        try:
            to.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise ExtractionFailed(path=to, reason=failure.strerror or failure) from failure
        self._to = to
        self._process = subprocess.Popen(
            extract_command(to), env=environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._input = pipe(self._process.stdin)
        self._errors = pipe(self._process.stderr)
        self._said = b""
        self._listener = threading.Thread(target=self._listen, name="tar-remarks", daemon=True)
        self._listener.start()

    def write(self, data: bytes) -> None:
        """Hand over; blocks while tar writes. Raises ExtractionFailed where tar has given up."""
        try:
            self._input.write(data)
        except BrokenPipeError:
            self.ended()

    def ended(self) -> None:
        """Raise ExtractionFailed unless tar wrote everything."""
        with suppress(BrokenPipeError):
            self._input.close()
        code = self._process.wait()
        self._listener.join()
        if code != 0:
            said = self._said.decode("utf-8", "backslashreplace").strip().splitlines()
            raise ExtractionFailed(path=self._to, reason="; ".join(said[:5]) or f"tar ended with code {code}")

    def __enter__(self) -> _Tar:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        with suppress(BrokenPipeError):
            self._input.close()
        self._errors.close()

    def _listen(self) -> None:
        while data := self._errors.read(1 << 16):
            self._said = (self._said + data)[: 1 << 16]
