"""The uncompressed stream of a member, read by ranges: only the frames concerned are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from blake3 import blake3

from backup_actions.archive.codecs import LARGEST_FRAME_BYTES, FrameError, content_checksum, decompressed
from backup_actions.archive.options import Codec
from backup_actions.archive.seek_table import SeekTable, SeekTableError, read_seek_table
from backup_actions.archive.store import Store
from backup_actions.errors import ArchiveDamaged
from backup_actions.model.manifest import Member

_FETCH_BYTES = 16 << 20  # one ranged GET at a time: large enough that its latency does not count
_LARGEST_EXCESS_BYTES = 1 << 20  # what incompressible content grows by is less


class FrameReader:
    """The frames of one member. Memory: 16 MiB fetched, one frame, and twelve bytes for each frame there is."""

    def __init__(self, store: Store, member: Member) -> None:
        self._store = store
        self._object = member.object
        self._codec: Codec = member.codec
        self._announced_frames = member.frames
        self._announced_bytes = member.stream_bytes
        self._announced_blake3 = member.stream_blake3
        self.bytes_read = 0

    @cached_property
    def table(self) -> SeekTable:
        """The seek table at the object's end. Raises ArchiveDamaged, ArchiveMissing."""
        try:
            table = read_seek_table(self._fetch, self._object.size_bytes, self._codec)
        except SeekTableError as wrong:
            raise self.damaged(str(wrong)) from wrong
        found, announced = (len(table), sum(table.content_bytes)), (self._announced_frames, self._announced_bytes)
        if found != announced:
            raise self.damaged(
                "it has {} frames of {} bytes in all, its manifest says {} of {}".format(*found, *announced)
            )
        if max(table.stored_bytes, default=0) > LARGEST_FRAME_BYTES + _LARGEST_EXCESS_BYTES:
            raise self.damaged("a frame is larger than frames can be")
        return table

    def stored(self, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Frame numbers from first to before end, with their stored bytes."""
        offsets = self.table.stored_offsets
        while first < end:
            last = first + 1
            while last < end and offsets[last + 1] - offsets[first] <= _FETCH_BYTES:
                last += 1
            block = self._fetch(offsets[first], offsets[last])
            if len(block) != offsets[last] - offsets[first]:
                raise self.damaged(f"it ends within frame {first}")
            for number in range(first, last):
                yield number, block[offsets[number] - offsets[first] : offsets[number + 1] - offsets[first]]
            first = last

    def content_of(self, number: int, stored: bytes) -> bytes:
        """What a frame holds. Raises FrameError."""
        if content_checksum(self._codec, stored) != self.table.checksums[number]:
            raise FrameError("its checksum is not the one of the seek table")
        return decompressed(self._codec, stored, self.table.content_bytes[number])

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The stream from start to before end, in pieces. Raises ArchiveDamaged naming the frame."""
        offsets = self.table.content_offsets
        if not 0 <= start <= end <= offsets[-1]:
            raise self.damaged(f"bytes {start} to {end} are asked for, its stream has {offsets[-1]}")
        if start == end:
            return
        for number, stored in self.stored(self.table.frame_at(start), self.table.frame_at(end - 1) + 1):
            try:
                content = self.content_of(number, stored)
            except FrameError as wrong:
                raise self.damaged(f"frame {number}: {wrong}") from wrong
            yield content[max(0, start - offsets[number]) : end - offsets[number]]

    def whole(self) -> Iterator[bytes]:
        """The whole stream. Raises ArchiveDamaged, after the last bytes, where its hash is not that of the source."""
        digest = blake3()
        for piece in self.read(0, self.stream_bytes):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self._announced_blake3:
            raise self.damaged("its content is not what was archived")

    def tail(self) -> bytes:
        """The stored seek table: everything behind the last frame."""
        return self._fetch(self.table.stored_offsets[-1], self._object.size_bytes)

    @property
    def stream_bytes(self) -> int:
        """The length of the whole stream."""
        return int(self.table.content_offsets[-1])

    def damaged(self, reason: str) -> ArchiveDamaged:
        """The error to raise, naming this object."""
        return ArchiveDamaged(where=f"{self._store.location}/{self._object.name}", reason=reason)

    def _fetch(self, start: int, end: int) -> bytes:
        data = self._store.read(self._object.name, start, end)
        self.bytes_read += len(data)
        return data
