"""Images and block devices as bytes: all that is wanted of them is read, or the archive is not one."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from backup_actions.archive.allocation import Extent
from backup_actions.errors import SourceUnreadable

_BLKSSZGET = 0x1268  # the logical sector size, linux/fs.h


class Blocks(ABC):
    """Bytes of fixed number that can be read anywhere, by several threads at a time: a device, an image, a snapshot."""

    name: str
    """What a person calls it."""
    size_bytes: int
    is_device: bool
    path: Path | None
    """Where it can be mounted from; None where it is no file."""
    reads_in_flight: int
    """How many reads at a time it answers best."""

    @abstractmethod
    def sector_size_bytes(self) -> int | None:
        """What a device says of itself; an image says nothing."""

    @abstractmethod
    def read_into(self, offset: int, buffer: memoryview) -> None:
        """The buffer is full of the bytes from the offset on. Raises SourceUnreadable."""

    @abstractmethod
    def written(self, start: int, end: int) -> Iterable[Extent] | None:
        """What was ever written between the two, in order; the rest is zeros. None where that is not known."""

    def times(self) -> str:
        """When the bytes were last changed, as far as that is known: other times, perhaps other bytes."""
        return ""

    def read(self, offset: int, length: int) -> bytes:
        """These bytes, all of them. Raises SourceUnreadable."""
        buffer = bytearray(length)
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    def peek(self, offset: int, length: int) -> bytes:
        """These bytes as far as there are any. Raises SourceUnreadable."""
        length = min(length, self.size_bytes - offset)
        return self.read(offset, length) if offset >= 0 and length > 0 else b""

    def give_up(self) -> None:  # noqa: B027 - most sources try nothing twice
        """Nobody wants what is being read any more: a read that would be tried again fails."""

    @abstractmethod
    def close(self) -> None:
        """Nothing is held any more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class BlockSource(Blocks):
    """An open image or block device."""

    path: Path
    reads_in_flight = 8

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as failure:
            raise SourceUnreadable(what=path, reason=failure.strerror) from failure
        self.is_device = stat.S_ISBLK(os.fstat(self._descriptor).st_mode)
        self.size_bytes = os.lseek(self._descriptor, 0, os.SEEK_END)

    def sector_size_bytes(self) -> int | None:
        """The logical sector size of a device."""
        if not self.is_device:
            return None
        return int(struct.unpack("i", fcntl.ioctl(self._descriptor, _BLKSSZGET, bytes(4)))[0])

    def times(self) -> str:
        """Of an image; a device has none."""
        about = os.fstat(self._descriptor)
        return "" if self.is_device else f"{about.st_mtime_ns} {about.st_ctime_ns}"

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """The system is asked again until the buffer is full."""
        got = 0
        while got < len(buffer):
            try:
                length = os.preadv(self._descriptor, [buffer[got:]], offset + got)
            except OSError as failure:
                raise self._unreadable(offset, len(buffer), failure.strerror) from failure
            if not length:
                raise self._unreadable(offset, len(buffer), f"it ends at byte {offset + got}")
            got += length

    def written(self, start: int, end: int) -> Iterator[Extent] | None:
        """What of an image is no hole; a device does not say."""
        return None if self.is_device else self._data(start, end)

    def close(self) -> None:
        """The file is closed."""
        os.close(self._descriptor)

    def _data(self, start: int, end: int) -> Iterator[Extent]:
        while start < end:
            try:
                first = os.lseek(self._descriptor, start, os.SEEK_DATA)
            except OSError as failure:
                if failure.errno != errno.ENXIO:
                    raise self._unreadable(start, end - start, failure.strerror) from failure
                if (size_bytes := os.lseek(self._descriptor, 0, os.SEEK_END)) < end:
                    raise self._unreadable(start, end - start, f"it ends at byte {size_bytes}") from failure
                return  # a hole up to the end of the file
            if first >= end:
                return
            start = os.lseek(self._descriptor, first, os.SEEK_HOLE)
            yield first, min(start, end)

    def _unreadable(self, offset: int, length: int, reason: object) -> SourceUnreadable:
        return SourceUnreadable(what=f"bytes {offset} to {offset + length} of {self.name}", reason=reason)
