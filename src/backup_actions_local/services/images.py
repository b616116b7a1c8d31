"""The bytes of volumes and snapshots: sparse files, copied without their holes."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

from backup_actions.errors import DiskFull

if TYPE_CHECKING:
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
        length = os.fstat(reading.fileno()).st_size
        position = 0
        while position < length:
            try:
                begin = os.lseek(reading.fileno(), position, os.SEEK_DATA)
            except OSError as nothing_follows:
                if nothing_follows.errno != errno.ENXIO:
                    raise
                break
            position = os.lseek(reading.fileno(), begin, os.SEEK_HOLE)
            _copy_range(reading.fileno(), writing.fileno(), begin, position)
        writing.truncate(max(length, size_bytes))


def make_empty(target: Path, size_bytes: int) -> None:
    """Make a file that is one hole."""
    with target.open("xb") as writing:
        writing.truncate(size_bytes)


def allocated_bytes(image: Path) -> int:
    """What the image occupies: what a backup of it would transfer."""
    return image.stat().st_blocks * 512


def size_gib(image: Path) -> int:
    """The size as the API gives it: whole GiB, rounded up, at least one."""
    return max(1, -(-image.stat().st_size // GIB))


def _copy_range(source: int, target: int, begin: int, end: int) -> None:
    while begin < end:
        data = os.pread(source, min(_CHUNK_BYTES, end - begin), begin)
        if not data:
            raise OSError(errno.EIO, "the source shrank while it was copied")
        os.pwrite(target, data, begin)
        begin += len(data)
