"""The uncompressed stream of a member, read by ranges: only the frames concerned are fetched."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from threading import Lock

from backup_actions.archive.codecs import LARGEST_FRAME_BYTES, FrameError, content_checksum, decompressed
from backup_actions.archive.frame_scan import scanned
from backup_actions.archive.options import Codec, processors
from backup_actions.archive.read_ahead import in_order
from backup_actions.archive.seek_table import SeekTable, SeekTableError, read_seek_table, seek_table_before
from backup_actions.archive.store import Store
from backup_actions.archive.stream_hash import frame_digest, stream_hash
from backup_actions.errors import ArchiveDamaged
from backup_actions.model.manifest import Member

_FETCH_BYTES = 8 << 20  # one ranged GET: large enough that its latency does not count
_FETCHERS = 3
_MOST_OPENERS = 8
_SMALL_BYTES = 8 << 10
_FEW_FRAMES = 2  # not worth a thread
_LARGEST_EXCESS_BYTES = 1 << 20  # what incompressible content grows by is less


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it is stored and what it holds, or what is wrong with it."""

    number: int
    stored: memoryview
    content: bytes = b""
    digest: bytes = b""
    problem: str = ""


class FrameReader:
    """The frames of one member, fetched and decompressed ahead by a few threads.

    Memory: four fetches of 8 MiB or one frame; a stored frame and its content for each thread (one a processor, at
    most eight) and three more; and twelve bytes for each frame there is.
    """

    def __init__(self, store: Store, member: Member) -> None:
        self._store = store
        self._object = member.object
        self._codec: Codec = member.codec
        self._announced_frames = member.frames
        self._announced_bytes = member.stream_bytes
        self._announced_blake3 = member.stream_blake3
        self.bytes_read = 0
        self._counting = Lock()
        self._moved_from = member.frames
        self._moved_bytes = 0
        self._small: Frame | None = None  # the last one: mostly zeros, of which a disk may have millions alike

    @cached_property
    def table(self) -> SeekTable:
        """The seek table at the object's end. Raises ArchiveDamaged, ArchiveMissing."""
        try:
            table = read_seek_table(self._fetch, self._object.size_bytes, self._codec)
        except SeekTableError as wrong:
            raise self.damaged(str(wrong)) from wrong
        if not self._is_announced(table):
            raise self.damaged(
                f"it has {len(table)} frames of {sum(table.content_bytes)} bytes in all, "
                f"its manifest says {self._announced_frames} of {self._announced_bytes}"
            )
        if max(table.stored_bytes, default=0) > LARGEST_FRAME_BYTES + _LARGEST_EXCESS_BYTES:
            raise self.damaged("a frame is larger than frames can be")
        return table

    def find_frames(self) -> None:
        """From now on frames are read where they are found although the table or the object's length is wrong.

        They are looked for from the first one on. If one is damaged before all are found, and something was cut out or
        put in, so that the table is intact and elsewhere, the others are counted back from the table.
        """
        self.table = scanned(self._fetch, self._object.size_bytes, self._codec)
        stands = self._store.describe(self._object.name)
        if self._is_announced(self.table) or stands is None:
            return
        try:
            table, frames_bytes = seek_table_before(self._fetch, stands.size_bytes, self._codec)
        except SeekTableError:
            return
        if self._is_announced(table) and max(table.stored_bytes) <= LARGEST_FRAME_BYTES + _LARGEST_EXCESS_BYTES:
            pairs = enumerate(zip(table.stored_bytes, self.table.stored_bytes, strict=False))
            self._moved_from = next((number for number, (one, other) in pairs if one != other), len(self.table))
            self._moved_bytes = frames_bytes - sum(table.stored_bytes)
            self.table = table

    def frames(self, first: int, end: int) -> Iterator[Frame]:
        """Frames from first to before end, in order. Raises ArchiveDamaged where the object ends before they do."""
        runs = self._runs(first, end)
        if end - first <= _FEW_FRAMES:
            yield from map(self._opened, (stored for run in runs for stored in self._stored(run)))
            return
        openers = min(processors(), _MOST_OPENERS)
        with closing(in_order(self._stored, runs, threads=_FETCHERS, ahead=_FETCHERS - 1, name="fetch")) as blocks:
            stored = (frame for block in blocks for frame in block)
            yield from in_order(self._opened, stored, threads=openers, ahead=openers + 1, name="decompress")

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The stream from start to before end, in pieces. Raises ArchiveDamaged naming the frame."""
        offsets = self.table.content_offsets
        if not 0 <= start <= end <= offsets[-1]:
            raise self.damaged(f"bytes {start} to {end} are asked for, its stream has {offsets[-1]}")
        if start == end:
            return
        for frame in self.frames(self.table.frame_at(start), self.table.frame_at(end - 1) + 1):
            yield self._content(frame)[max(0, start - offsets[frame.number]) : end - offsets[frame.number]]

    def whole(self) -> Iterator[bytes]:
        """The whole stream. Raises ArchiveDamaged, after the last bytes, where its hash is not that of the source."""
        digests = bytearray()
        for frame in self.frames(0, len(self.table)):
            yield self._content(frame)
            digests += frame.digest
        if stream_hash(digests) != self._announced_blake3:
            raise self.damaged("its content is not what was archived")

    def tail(self) -> Iterator[bytes]:
        """The stored bytes behind the last frame, in pieces: the seek table."""
        at = self.table.stored_offsets[-1]
        while piece := self._fetch(at, min(self._object.size_bytes, at + _FETCH_BYTES)):
            yield piece
            at += len(piece)

    @property
    def stream_bytes(self) -> int:
        """The length of the whole stream."""
        return int(self.table.content_offsets[-1])

    def damaged(self, reason: str) -> ArchiveDamaged:
        """The error to raise, naming this object."""
        return ArchiveDamaged(where=f"{self._store.location}/{self._object.name}", reason=reason)

    def _is_announced(self, table: SeekTable) -> bool:
        """Whether it has as much in it as the manifest says."""
        return (len(table), sum(table.content_bytes)) == (self._announced_frames, self._announced_bytes)

    def _runs(self, first: int, end: int) -> Iterator[range]:
        """Frames that follow each other and are fetched at once."""
        offsets = self.table.stored_offsets
        while first < end:
            last = first + 1
            while last < end and last != self._moved_from and offsets[last + 1] - offsets[first] <= _FETCH_BYTES:
                last += 1
            yield range(first, last)
            first = last

    def _stored(self, run: range) -> list[tuple[int, memoryview]]:
        """Frame numbers with their stored bytes."""
        offsets = self.table.stored_offsets
        start, end = offsets[run.start], offsets[run.stop]
        moved_bytes = self._moved_bytes if run.start >= self._moved_from else 0
        base = max(start, -moved_bytes)
        block = memoryview(self._fetch(base + moved_bytes, max(base, end) + moved_bytes))
        if len(block) != end - start and not self._moved_bytes:
            raise self.damaged(f"it ends within frame {bisect_right(offsets, start + len(block)) - 1}")
        bounds = [max(0, offsets[number] - base) for number in range(run.start, run.stop + 1)]
        return [(number, block[first:last]) for number, (first, last) in zip(run, pairwise(bounds), strict=True)]

    def _opened(self, numbered: tuple[int, memoryview]) -> Frame:
        number, stored = numbered
        if content_checksum(self._codec, stored) != self.table.checksums[number]:
            return Frame(number, stored, problem="its checksum is not the one of the seek table")
        twin = self._small
        if twin and twin.stored == stored and len(twin.content) == self.table.content_bytes[number]:
            return replace(twin, number=number)
        try:
            content = decompressed(self._codec, stored, self.table.content_bytes[number])
        except FrameError as wrong:
            return Frame(number, stored, problem=str(wrong))
        frame = Frame(number, stored, content, frame_digest(content))
        if len(stored) <= _SMALL_BYTES:
            self._small = replace(frame, stored=memoryview(bytes(stored)))
        return frame

    def _content(self, frame: Frame) -> bytes:
        if frame.problem:
            raise self.damaged(f"frame {frame.number}: {frame.problem}")
        return frame.content

    def _fetch(self, start: int, end: int) -> bytes:
        data = self._store.read(self._object.name, start, end)
        with self._counting:
            self.bytes_read += len(data)
        return data
