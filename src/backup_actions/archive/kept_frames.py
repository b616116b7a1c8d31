"""Whether a source is still the one of which frames are stored: those that are read again are compared."""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3

from backup_actions.archive.allocation import Extent
from backup_actions.archive.device import Blocks
from backup_actions.archive.frames_so_far import FramesSoFar
from backup_actions.archive.stream_hash import DIGEST_BYTES, frame_digest
from backup_actions.archive.tree_so_far import SourceDiffers
from backup_actions.model.manifest import Region

_SAMPLE = 8


def compare_kept_frames(
    blocks: Blocks, region: Region, extents: Iterable[Extent], kept: FramesSoFar, frame_bytes: int
) -> None:
    """The first, the last and a few more frames hold what lies there now. Raises SourceDiffers, SourceUnreadable."""
    sample = _sample(kept, frame_bytes)
    contents = {number: bytearray(frame_bytes) for number in sample}
    for start, end in extents:
        for number, content in contents.items():
            base = number * frame_bytes
            first, behind = max(start, base), min(end, base + frame_bytes)
            if first < behind:
                blocks.read_into(region.offset_bytes + first, memoryview(content)[first - base : behind - base])
    for number, content in contents.items():
        if frame_digest(memoryview(content)) != _digest(kept, number):
            raise SourceDiffers(f"{blocks.name} at byte {region.offset_bytes + number * frame_bytes}")


def _sample(kept: FramesSoFar, frame_bytes: int) -> set[int]:
    """Frames that say something: not those of zeros alone."""
    zeros = frame_digest(bytes(frame_bytes))
    telling = [number for number in range(len(kept)) if _digest(kept, number) != zeros]
    last = len(telling) - 1
    return {telling[last * step // (_SAMPLE - 1)] for step in range(_SAMPLE)} if telling else set()


def _digest(kept: FramesSoFar, number: int) -> bytes:
    return bytes(kept.digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES])


class FramesReadAgain:
    """Gets a stretch of a stream of which frames are stored, from the beginning of one on."""

    def __init__(self, digests: bytes | bytearray, first: int, frame_bytes: int) -> None:
        self._digests = digests
        self._number = first
        self._frame_bytes = self._left_bytes = frame_bytes
        self._hash = blake3()

    def compare(self, data: memoryview) -> None:
        """The next bytes. Raises SourceDiffers where a frame holds others."""
        while data:
            piece, data = data[: self._left_bytes], data[self._left_bytes :]
            self._hash.update(piece)
            self._left_bytes -= len(piece)
            if not self._left_bytes:
                self._end_frame()

    def _end_frame(self) -> None:
        begin = self._number * DIGEST_BYTES
        if self._hash.digest() != self._digests[begin : begin + DIGEST_BYTES]:
            raise SourceDiffers("what was stored last")
        self._number, self._left_bytes, self._hash = self._number + 1, self._frame_bytes, blake3()
