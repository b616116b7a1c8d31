"""The frames of a stream as far as it is stored: what a later process needs to write on behind them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Self

from backup_actions.archive.seek_table import SeekTable
from backup_actions.archive.stream_hash import DIGEST_BYTES

_COUNT = struct.Struct("<Q")
_ROW_BYTES = 12 + DIGEST_BYTES


@dataclass(eq=False)
class FramesSoFar:
    """Sizes, checksums and digests of frames: 44 bytes of memory each."""

    table: SeekTable = field(default_factory=SeekTable)
    digests: bytearray = field(default_factory=bytearray)

    def add(self, stored_bytes: int, content_bytes: int, checksum: int, digest: bytes) -> None:
        """One more frame, behind all others."""
        self.digests += digest
        self.table.add(stored_bytes, content_bytes, checksum)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def stored_bytes(self) -> int:
        """How long the object is up to here."""
        return sum(self.table.stored_bytes)

    @property
    def stream_bytes(self) -> int:
        """How long the stream is up to here."""
        return sum(self.table.content_bytes)

    def first(self, count: int) -> Self:
        """A copy of the first frames; of those that are there it can be taken from any thread, at any time."""
        return type(self)(self.table.first(count), self.digests[: count * DIGEST_BYTES])

    def to_bytes(self) -> bytes:
        """Their number (64 bits), then column after column; little endian."""
        table = self.table
        columns = (table.stored_bytes, table.content_bytes, table.checksums)
        return _COUNT.pack(len(self)) + b"".join(column.tobytes() for column in columns) + self.digests

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raise ValueError for anything else than what ``to_bytes`` gave."""
        if len(data) < _COUNT.size or len(data) != _COUNT.size + _COUNT.unpack_from(data)[0] * _ROW_BYTES:
            raise ValueError("these are not the frames of a stream")
        so_far, count = cls(), _COUNT.unpack_from(data)[0]
        table = so_far.table
        for number, column in enumerate((table.stored_bytes, table.content_bytes, table.checksums)):
            at = _COUNT.size + 4 * count * number
            column.frombytes(data[at : at + 4 * count])
        so_far.digests += data[_COUNT.size + 12 * count :]
        return so_far
