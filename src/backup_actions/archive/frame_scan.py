"""Frames found without a seek table: from the begin of an object, one behind the other, as long as they are frames.

Frames of zstd say how long their blocks are (https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1); where a
member of gzip ends is known only when it is decompressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import zstandard
from isal import igzip_lib, isal_zlib

from backup_actions.archive.codecs import LARGEST_FRAME_BYTES
from backup_actions.archive.options import Codec
from backup_actions.archive.seek_table import Read, SeekTable

_WINDOW_BYTES = 8 << 20
_LONGEST_HEADER_BYTES = 18
_CHECKSUM_BYTES = 4
_RLE, _RESERVED = 1, 3
_GZIP = 31
_DECOMPRESSED_AT_ONCE = 1 << 20


def scanned(read: Read, size_bytes: int, codec: Codec) -> SeekTable:
    """The table of all frames up to the seek table, or up to the first thing that is not a frame of ours."""
    table = SeekTable()
    stored = _Window(read, size_bytes)
    for frame in _zstd_frames(stored) if codec == "zstd" else _gzip_members(stored):
        if not 0 < frame.content_bytes <= LARGEST_FRAME_BYTES:
            break
        table.add(*frame)
    return table


class _Found(NamedTuple):
    stored_bytes: int
    content_bytes: int
    checksum: int


class _Window:
    """Bytes of an object that is looked at from its begin to its end. Memory: 16 MiB."""

    def __init__(self, read: Read, size_bytes: int) -> None:
        self._read = read
        self._size_bytes = size_bytes
        self._start = 0
        self._data = b""

    def at(self, offset: int, length: int) -> bytes:
        """These bytes, fewer where the object ends."""
        if not self._start <= offset <= offset + length <= self._start + len(self._data):
            self._start = offset
            self._data = self._read(offset, min(self._size_bytes, offset + max(length, _WINDOW_BYTES)))
        return self._data[offset - self._start : offset - self._start + length]


def _zstd_frames(stored: _Window) -> Iterator[_Found]:
    at = 0
    while header := stored.at(at, _LONGEST_HEADER_BYTES):
        try:
            parameters = zstandard.get_frame_parameters(header)
            end = _end_of_blocks(stored, at + zstandard.frame_header_size(header))
        except zstandard.ZstdError:
            return
        checksum = stored.at(end, _CHECKSUM_BYTES)
        if not parameters.has_checksum or len(checksum) < _CHECKSUM_BYTES:
            return
        end += _CHECKSUM_BYTES
        yield _Found(end - at, parameters.content_size, int.from_bytes(checksum, "little"))
        at = end


def _end_of_blocks(stored: _Window, at: int) -> int:
    """Where the last block ends. Raises ZstdError where one is of no known kind or cut."""
    is_last = False
    while not is_last:
        header = stored.at(at, 3)
        number = int.from_bytes(header, "little")
        is_last, kind, size = bool(number & 1), number >> 1 & 3, number >> 3
        if len(header) < 3 or kind == _RESERVED:
            raise zstandard.ZstdError("a block is damaged")
        at += 3 + (1 if kind == _RLE else size)
    return at


def _gzip_members(stored: _Window) -> Iterator[_Found]:
    at = 0
    while stored.at(at, 1):
        try:
            stored_bytes, content_bytes = _member(stored, at)
        except igzip_lib.IsalError:  # type: ignore[misc]  # its stub declares an instance
            return
        yield _Found(stored_bytes, content_bytes, 0)
        at += stored_bytes


def _member(stored: _Window, at: int) -> tuple[int, int]:
    """How long a member is, stored and decompressed; zeros where the object ends before it does."""
    decompressor = isal_zlib.decompressobj(_GZIP)
    taken, content_bytes = 0, 0
    while not decompressor.eof and content_bytes <= LARGEST_FRAME_BYTES:
        piece = decompressor.unconsumed_tail or stored.at(at + taken, _DECOMPRESSED_AT_ONCE)
        if not piece:
            return 0, 0
        content_bytes += len(decompressor.decompress(piece, _DECOMPRESSED_AT_ONCE))
        taken += len(piece) - len(decompressor.unconsumed_tail) - len(decompressor.unused_data)
    return taken, content_bytes
