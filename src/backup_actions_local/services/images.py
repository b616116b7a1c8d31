"""The bytes of volumes and snapshots: sparse files, copied without their holes."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

from backup_actions.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK_BYTES = 8 << 20
GIB = 1 << 30


def copy_sparse(source: Path, target: Path, *, size_bytes: int = 0) -> None:
    """Make the target equal to the source, holes included, and at least ``size_bytes`` long.

    Raises DiskFull before anything is written, and OSError.
    """
    free, needed = shutil.disk_usage(target.parent).free, allocated_bytes(source)
    if needed > free:
        raise DiskFull(path=target.parent, free_mib=free >> 20, needed_mib=needed >> 20)
    with source.open("rb") as reading, target.open("xb") as writing:
        for begin, end in _data(reading.fileno(), 0):
            _copy_range(reading.fileno(), writing.fileno(), begin, end)
        writing.truncate(max(os.fstat(reading.fileno()).st_size, size_bytes))


def make_empty(target: Path, size_bytes: int) -> None:
    """Make a file that is one hole."""
    with target.open("xb") as writing:
        writing.truncate(size_bytes)


def allocated_bytes(image: Path) -> int:
    """What the image occupies: what a backup of it would transfer."""
    return image.stat().st_blocks * 512


def written_blocks(image: Path, block_bytes: int, first: int) -> Iterator[int]:
    """The numbers of the blocks, from the first on, in which anything but a hole lies."""
    with image.open("rb") as reading:
        unseen = first
        for begin, end in _data(reading.fileno(), first * block_bytes):
            yield from range(max(unseen, begin // block_bytes), -(-end // block_bytes))
            unseen = -(-end // block_bytes)


def size_gib(image: Path) -> int:
    """The size as the API gives it: whole GiB, rounded up, at least one."""
    return max(1, -(-image.stat().st_size // GIB))


def _data(descriptor: int, position: int) -> Iterator[tuple[int, int]]:
    """Where from the position on there is anything but holes: begin and end of each stretch."""
    while True:
        try:
            begin = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as nothing_follows:
            if nothing_follows.errno != errno.ENXIO:
                raise
            return
        position = os.lseek(descriptor, begin, os.SEEK_HOLE)
        yield begin, position


def _copy_range(source: int, target: int, begin: int, end: int) -> None:
    while begin < end:
        data = os.pread(source, min(_CHUNK_BYTES, end - begin), begin)
        if not data:
            raise OSError(errno.EIO, "the source shrank while it was copied")
        os.pwrite(target, data, begin)
        begin += len(data)
