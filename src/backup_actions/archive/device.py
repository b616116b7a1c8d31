"""Images and block devices as bytes: every one of them is read, or the archive is not one."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import Self

from backup_actions.archive.frames import FrameWriter
from backup_actions.errors import SourceUnreadable
from backup_actions.model.manifest import Region
from backup_actions.model.progress import Progress

_BLKSSZGET = 0x1268  # the logical sector size, linux/fs.h
_READ_BYTES = 4 << 20


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


def archive_region(source: BlockSource, region: Region, frames: FrameWriter, progress: Progress) -> None:
    """Every byte of the region is in the frames. Raises SourceUnreadable."""
    offset, end = region.offset_bytes, region.offset_bytes + region.size_bytes
    while offset < end:
        data = source.read(offset, min(_READ_BYTES, end - offset))
        frames.write(data)
        offset += len(data)
        progress.add(len(data))
