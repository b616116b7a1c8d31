"""The content of one file out of the tar: holes filled, every byte hashed on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator

from blake3 import blake3

from backup_actions.archive.entries import Entry
from backup_actions.archive.pax import TarError

_ZEROS = bytes(1 << 20)
_BLOCK = 512
_LINE = re.compile(rb"\d{1,18}\n")


class FileContent:
    """Iterating gives the content as ``read`` would; afterwards ``is_as_written`` says whether its hash agrees.

    ``stored`` yields the tar from the entry's ``data_offset`` on. Raises TarError where the two do not fit.
    """

    def __init__(self, entry: Entry, stored: Iterator[bytes]) -> None:
        self._entry = entry
        self._stored = stored
        self._rest = b""
        self._hash = blake3()

    def __iter__(self) -> Iterator[bytes]:
        if not self._entry.is_sparse:
            yield from self._take(self._entry.size_bytes)
            return
        position = 0
        for offset, length in self._sparse_map():
            if offset < position or offset + length > self._entry.size_bytes:
                raise TarError("the map of a sparse file contradicts its size")
            yield from _holes(offset - position)
            yield from self._take(length)
            position = offset + length
        yield from _holes(self._entry.size_bytes - position)

    def is_as_written(self) -> bool:
        """Whether what was read has the hash of the index."""
        return bool(self._hash.hexdigest() == self._entry.blake3)

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

    def _sparse_map(self) -> list[tuple[int, int]]:
        """Decimal lines, first their count, padded to whole blocks: GNU sparse format 1.0."""
        text = self._block()
        numbers: list[int] = []
        at = 0
        while len(numbers) < 1 or len(numbers) < 1 + 2 * numbers[0]:
            line = _LINE.match(text, at)
            if line is None:
                if len(text) - at > 20:
                    raise TarError("the map of a sparse file is not one")
                text, at = text[at:] + self._block(), 0
                continue
            numbers.append(int(line.group()))
            at = line.end()
        return list(zip(numbers[1::2], numbers[2::2], strict=True))

    def _block(self) -> bytes:
        return b"".join(self._take(_BLOCK))


def _holes(length: int) -> Iterator[bytes]:
    while length > 0:
        yield _ZEROS[:length]
        length -= len(_ZEROS)
