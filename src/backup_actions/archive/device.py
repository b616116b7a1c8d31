"""Images and block devices as bytes: all that is wanted of them is read, or the archive is not one."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from backup_actions.archive.allocation import Extent
from backup_actions.archive.frames import FrameWriter
from backup_actions.errors import SourceUnreadable
from backup_actions.model.manifest import Region
from backup_actions.model.progress import Progress

_BLKSSZGET = 0x1268  # the logical sector size, linux/fs.h
_READ_BYTES = 4 << 20
_CLOSE_BYTES = 64 << 10  # reading over a gap of this size costs less than another read


class BlockSource:
    """An open image or block device."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as failure:
            raise SourceUnreadable(what=path, reason=failure.strerror) from failure
        self.is_device = stat.S_ISBLK(os.fstat(self._descriptor).st_mode)
        self.size_bytes = os.lseek(self._descriptor, 0, os.SEEK_END)

    def sector_size_bytes(self) -> int | None:
        """What a device says of itself; an image says nothing."""
        if not self.is_device:
            return None
        return int(struct.unpack("i", fcntl.ioctl(self._descriptor, _BLKSSZGET, bytes(4)))[0])

    def read(self, offset: int, length: int) -> bytes:
        """These bytes, all of them. Raises SourceUnreadable."""
        pieces = b""
        while len(pieces) < length:
            try:
                piece = os.pread(self._descriptor, length - len(pieces), offset + len(pieces))
            except OSError as failure:
                raise self._unreadable(offset, length, failure.strerror) from failure
            if not piece:
                raise self._unreadable(offset, length, f"it ends at byte {offset + len(pieces)}")
            pieces = pieces + piece if pieces else piece
        return pieces

    def peek(self, offset: int, length: int) -> bytes:
        """These bytes as far as there are any."""
        length = min(length, self.size_bytes - offset)
        return self.read(offset, length) if offset >= 0 and length > 0 else b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        os.close(self._descriptor)

    def _unreadable(self, offset: int, length: int, reason: object) -> SourceUnreadable:
        return SourceUnreadable(what=f"bytes {offset} to {offset + length} of {self.path}", reason=reason)


def archive_region(
    source: BlockSource, region: Region, frames: FrameWriter, progress: Progress, extents: Iterable[Extent]
) -> None:
    """The region is in the frames, with zeros for all that lies outside of the extents. Raises SourceUnreadable."""
    zeros = bytes(_READ_BYTES)
    at = 0
    for run in _runs(extents):
        start, end = run[0][0], run[-1][1]
        _write_zeros(frames, zeros, start - at)
        data = source.read(region.offset_bytes + start, end - start)
        frames.write(data if len(run) == 1 else _blanked(data, run))
        progress.add(sum(behind - first for first, behind in run))
        at = end
    _write_zeros(frames, zeros, region.size_bytes - at)


def _runs(extents: Iterable[Extent]) -> Iterator[list[Extent]]:
    """Extents cut and gathered so that each run is one read."""
    run: list[Extent] = []
    for start, end in extents:
        for first in range(start, end, _READ_BYTES):
            behind = min(first + _READ_BYTES, end)
            if run and (first - run[-1][1] > _CLOSE_BYTES or behind - run[0][0] > _READ_BYTES):
                yield run
                run = []
            run.append((first, behind))
    if run:
        yield run


def _blanked(data: bytes, run: list[Extent]) -> memoryview:
    """The data of a run with zeros between its extents: what was deleted there is not archived by chance."""
    content = bytearray(len(data))
    base = run[0][0]
    for start, end in run:
        content[start - base : end - base] = data[start - base : end - base]
    return memoryview(content)


def _write_zeros(frames: FrameWriter, zeros: bytes, length: int) -> None:
    for at in range(0, length, len(zeros)):
        frames.write(memoryview(zeros)[: length - at])
