"""Where each frame lies: a table at the end of the object, inside something that decompressors skip.

For zstd this is the seekable format of the zstd project, byte for byte:
https://github.com/facebook/zstd/blob/dev/contrib/seekable_format/zstd_seekable_compression_format.md
For gzip the same numbers lie in the extra fields of empty members (RFC 1952, 2.3.1.1), which every gunzip passes over.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from backup_actions.archive.options import Codec

_SKIPPABLE_MAGIC = 0x184D2A5E
_SEEKABLE_MAGIC = 0x8F92EAB1
_HAS_CHECKSUMS = 0x80
_ZSTD_FOOTER = struct.Struct("<IBI")
_GZIP_TABLE, _GZIP_FOOTER = b"BT", b"BF"
_GZIP_ENTRIES = 8_000  # an extra field holds at most 65,535 bytes
_GZIP_HEADER = struct.Struct("<4sI2sH2sH")
_GZIP_EMPTY = b"\x03\x00" + bytes(8)  # a deflate block without content, its CRC and its length
_GZIP_FOOTER_BYTES = _GZIP_HEADER.size + 12 + len(_GZIP_EMPTY)

Read = Callable[[int, int], bytes]
"""The stored bytes from a start to before an end."""


class SeekTableError(ValueError):
    """The end of an object is not a seek table, or contradicts the object's size."""


def _numbers() -> array[int]:
    return array("I")


@dataclass(eq=False)
class SeekTable:
    """The sizes of all frames, twelve bytes of memory each."""

    stored_bytes: array[int] = field(default_factory=_numbers)
    content_bytes: array[int] = field(default_factory=_numbers)
    checksums: array[int] = field(default_factory=_numbers)

    def add(self, stored_bytes: int, content_bytes: int, checksum: int) -> None:
        """One more frame, behind all others."""
        self.stored_bytes.append(stored_bytes)
        self.content_bytes.append(content_bytes)
        self.checksums.append(checksum)

    def first(self, count: int) -> SeekTable:
        """A copy of the first frames."""
        return SeekTable(self.stored_bytes[:count], self.content_bytes[:count], self.checksums[:count])

    def __len__(self) -> int:
        return len(self.stored_bytes)

    @cached_property
    def stored_offsets(self) -> array[int]:
        """Where each frame begins in the object, and where the last one ends."""
        return array("Q", accumulate(self.stored_bytes, initial=0))

    @cached_property
    def content_offsets(self) -> array[int]:
        """Where the content of each frame begins in the stream, and where the stream ends."""
        return array("Q", accumulate(self.content_bytes, initial=0))

    def frame_at(self, offset: int) -> int:
        """The frame that holds this byte of the stream."""
        return bisect_right(self.content_offsets, offset) - 1

    def encoded(self, codec: Codec) -> bytes:
        """The bytes to put behind the last frame."""
        return self._as_skippable_frame() if codec == "zstd" else b"".join(self._as_empty_members())

    def _as_skippable_frame(self) -> bytes:
        rows = _rows(self.stored_bytes, self.content_bytes, self.checksums)
        footer = _ZSTD_FOOTER.pack(len(self), _HAS_CHECKSUMS, _SEEKABLE_MAGIC)
        return struct.pack("<II", _SKIPPABLE_MAGIC, len(rows) + len(footer)) + rows + footer

    def _as_empty_members(self) -> Iterator[bytes]:
        rows = _rows(self.stored_bytes, self.content_bytes)
        members = [
            _empty_member(_GZIP_TABLE, rows[at : at + 8 * _GZIP_ENTRIES])
            for at in range(0, len(rows), 8 * _GZIP_ENTRIES)
        ]
        yield from members
        yield _empty_member(_GZIP_FOOTER, struct.pack("<IQ", len(self), sum(map(len, members))))


def read_seek_table(read: Read, size_bytes: int, codec: Codec) -> SeekTable:
    """The table at the end of an object of that size. Raises SeekTableError."""
    table, frames_bytes = seek_table_before(read, size_bytes, codec)
    if sum(table.stored_bytes) != frames_bytes:
        raise SeekTableError("the frames of the seek table do not fill the object")
    return table


def seek_table_before(read: Read, end: int, codec: Codec) -> tuple[SeekTable, int]:
    """The table that ends there, and where it begins. Raises SeekTableError."""
    try:
        table, table_bytes = (_zstd_table if codec == "zstd" else _gzip_table)(read, end)
    except (struct.error, IndexError, zlib.error) as wrong:
        raise SeekTableError(f"the seek table cannot be parsed: {wrong}") from wrong
    return table, end - table_bytes


def _zstd_table(read: Read, size_bytes: int) -> tuple[SeekTable, int]:
    count, descriptor, magic = _ZSTD_FOOTER.unpack(read(max(0, size_bytes - _ZSTD_FOOTER.size), size_bytes))
    if magic != _SEEKABLE_MAGIC or descriptor & 0x7F:
        raise SeekTableError("the object does not end in a seek table")
    numbers = 3 if descriptor & _HAS_CHECKSUMS else 2
    table_bytes = 8 + count * 4 * numbers + _ZSTD_FOOTER.size
    if table_bytes > size_bytes:
        raise SeekTableError("the seek table is longer than the object")
    data = read(size_bytes - table_bytes, size_bytes)
    if struct.unpack_from("<II", data) != (_SKIPPABLE_MAGIC, table_bytes - 8):
        raise SeekTableError("the seek table has a wrong header")
    return SeekTable(*_columns(data[8 : -_ZSTD_FOOTER.size], numbers)), table_bytes


def _gzip_table(read: Read, size_bytes: int) -> tuple[SeekTable, int]:
    footer = _payload(read(max(0, size_bytes - _GZIP_FOOTER_BYTES), size_bytes), 0, _GZIP_FOOTER)
    count, members_bytes = struct.unpack("<IQ", footer)
    end = size_bytes - _GZIP_FOOTER_BYTES
    if members_bytes > end:
        raise SeekTableError("the seek table is longer than the object")
    data = read(end - members_bytes, end)
    rows, at = bytearray(), 0
    while at < len(data):
        payload = _payload(data, at, _GZIP_TABLE)
        at += _GZIP_HEADER.size + len(payload) + len(_GZIP_EMPTY)
        rows += payload
    if len(rows) % 8:
        raise SeekTableError("the seek table ends within a frame")
    table = SeekTable(*_columns(rows, 2))
    if len(table) != count:
        raise SeekTableError(f"the seek table has {len(table)} frames and announces {count}")
    return table, size_bytes - end + members_bytes


def _rows(*columns: array[int]) -> bytes:
    """The first number of each column, then the second of each, and so on; 32 bits, little endian."""
    rows = array("I", bytes(4 * len(columns) * len(columns[0])))
    for number, column in enumerate(columns):
        rows[number :: len(columns)] = column
    if sys.byteorder == "big":
        rows.byteswap()
    return rows.tobytes()


def _columns(rows: bytes | bytearray, count: int) -> list[array[int]]:
    """Three columns from rows of so many numbers; the third is zeros where they have two."""
    numbers = array("I", bytes(rows))
    if sys.byteorder == "big":
        numbers.byteswap()
    columns = [numbers[number::count] for number in range(count)]
    return columns if count == 3 else [*columns, array("I", bytes(4 * len(columns[0])))]


def _empty_member(kind: bytes, payload: bytes) -> bytes:
    flags = b"\x1f\x8b\x08\x04"  # gzip, deflate, with an extra field
    return _GZIP_HEADER.pack(flags, 0, b"\x00\xff", len(payload) + 4, kind, len(payload)) + payload + _GZIP_EMPTY


def _payload(data: bytes, at: int, kind: bytes) -> bytes:
    flags, _, _, extra_bytes, found, payload_bytes = _GZIP_HEADER.unpack_from(data, at)
    payload = data[at + _GZIP_HEADER.size : at + _GZIP_HEADER.size + payload_bytes]
    intact = flags == b"\x1f\x8b\x08\x04" and found == kind and extra_bytes == payload_bytes + 4
    if not intact or len(payload) != payload_bytes:
        raise SeekTableError("the object does not end in a seek table")
    return payload
