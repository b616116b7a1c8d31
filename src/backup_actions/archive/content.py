"""The content of one file out of the tar: holes filled, every byte hashed on the way."""

from __future__ import annotations

from collections.abc import Iterator

from backup_actions.archive.content_hash import ContentHash
from backup_actions.archive.entries import Entry
from backup_actions.archive.pax import TarError
from backup_actions.archive.sparse_map import SparseMap

_ZEROS = bytes(1 << 20)
_BLOCK = 512


class FileContent:
    """Iterating gives the content as ``read`` would; afterwards ``is_as_written`` says whether its hash agrees.

    ``stored`` yields the tar from the entry's ``data_offset`` on. Raises TarError where the two do not fit.
    """

    def __init__(self, entry: Entry, stored: Iterator[bytes]) -> None:
        self._entry = entry
        self._stored = stored
        self._rest = b""
        self._hash = ContentHash()

    def __iter__(self) -> Iterator[bytes]:
        if not self._entry.is_sparse:
            yield from self._take(self._entry.size_bytes)
            return
        position = 0
        sparse_map = SparseMap()
        while sparse_map.stored_bytes is None:
            sparse_map.feed(b"".join(self._take(_BLOCK)))
        for offset, length in sparse_map.islands():
            if offset < position or offset + length > self._entry.size_bytes:
                raise TarError("the map of a sparse file contradicts its size")
            yield from _holes(offset - position)
            yield from self._take(length)
            position = offset + length
        yield from _holes(self._entry.size_bytes - position)

    def is_as_written(self) -> bool:
        """Whether what was read has the hash of the index."""
        return self._hash.digest().hex() == self._entry.blake3

    def _take(self, length: int) -> Iterator[bytes]:
        while length:
            if not self._rest:
                self._rest = next(self._stored, b"")
                if not self._rest:
                    raise TarError("the content ends early")
            piece, self._rest = self._rest[:length], self._rest[length:]
            self._hash.update(piece)
            length -= len(piece)
            yield piece


def _holes(length: int) -> Iterator[bytes]:
    while length > 0:
        yield _ZEROS[:length]
        length -= len(_ZEROS)
