"""What has to be kept of a tree under way, so that another process can go on with it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol, Self

_HEADER = struct.Struct("<QQQQ")
_DIGEST_BYTES = 32


class SourceDiffers(Exception):
    """A tree is not the one that was begun to be archived: what was kept of it is worth nothing."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not as it was")
        self.path = path


class IndexSegments(Protocol):
    """Where finished stretches of an index are kept, each under its number."""

    def keep(self, number: int, data: bytes) -> None:
        """Called by the thread that archives, in order, again for a number after a resume, then with the same rows.

        It may return before the segment is stored; a checkpoint that counts on it may not be.
        """

    def kept(self, number: int) -> bytes:
        """What was kept under the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSoFar:
    """A tree whose first ``position`` bytes of tar are kept in whole frames."""

    position: int
    segments: int
    """How many segments of the index belong to it, from number 0 on; rows behind ``position`` are passed over."""
    tail: bytes
    """Rows behind these segments whose headers begin before ``position``: an Arrow IPC stream."""
    content_end: int = 0
    """Where the content of the file ends in whose midst ``position`` lies, where its finished pieces are known."""
    pieces: tuple[bytes, ...] = ()
    """The BLAKE3 of each piece of that file that ends before ``position``."""

    def to_bytes(self) -> bytes:
        """What ``from_bytes`` takes."""
        header = _HEADER.pack(self.position, self.segments, self.content_end, len(self.pieces))
        return header + b"".join(self.pieces) + self.tail

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises ValueError for what no ``to_bytes`` gave."""
        if len(data) < _HEADER.size:
            raise ValueError("a tree's state is cut")
        position, segments, content_end, count = _HEADER.unpack_from(data)
        tail_at = _HEADER.size + count * _DIGEST_BYTES
        if tail_at > len(data):
            raise ValueError("a tree's state is cut")
        pieces = tuple(data[at : at + _DIGEST_BYTES] for at in range(_HEADER.size, tail_at, _DIGEST_BYTES))
        return cls(position=position, segments=segments, tail=data[tail_at:], content_end=content_end, pieces=pieces)


class RowsSoFar(Protocol):
    """An index being written, asked from another thread."""

    def rows_so_far(self, position: int) -> tuple[int, bytes]:
        """How many segments have rows that begin before ``position``, and the rows behind those."""


class FilesSoFar(Protocol):
    """Whoever hashes the files of a tree, asked from another thread."""

    def file_so_far(self, position: int) -> tuple[int, tuple[bytes, ...]]:
        """Where the content ends in whose midst ``position`` lies, and the finished pieces of it; or nothing."""


class TreeJournal:
    """Asked by one thread, while another archives a tree, what has to be kept to go on from a frame's end.

    ``begun`` is what an earlier process kept; then ``archive_tree`` goes on from there.
    """

    def __init__(self, segments: IndexSegments, begun: TreeSoFar | None = None) -> None:
        self.segments = segments
        self.begun = begun
        self._followed: tuple[RowsSoFar, FilesSoFar] | None = None

    def follow(self, rows: RowsSoFar, files: FilesSoFar) -> None:
        """From now on these know."""
        self._followed = rows, files

    def so_far(self, position: int) -> TreeSoFar:
        """The state whose first ``position`` bytes of tar, not fewer than the last time, are kept in whole frames."""
        if self._followed is None:
            return self.begun or TreeSoFar(position=0, segments=0, tail=b"")
        rows, files = self._followed
        content_end, pieces = files.file_so_far(position)
        segments, tail = rows.rows_so_far(position)
        return TreeSoFar(position=position, segments=segments, tail=tail, content_end=content_end, pieces=pieces)
