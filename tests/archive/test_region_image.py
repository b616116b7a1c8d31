"""Of a region nothing is kept but what is wanted and was written; many reads are under way; any failure is one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_actions.archive.allocation import Extent
from backup_actions.archive.device import Blocks, BlockSource
from backup_actions.archive.frames_so_far import FramesSoFar
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.region_image import archive_region
from backup_actions.errors import SourceUnreadable
from backup_actions.model.manifest import Region
from backup_actions.model.progress import Progress, Silence

from .framed_streams import begun_with, contents, framed

MIB = 1 << 20
OPTIONS = ArchiveOptions(frame_size_mib=2, threads=2)
EXTENTS = st.lists(st.integers(0, 400), unique=True, max_size=60).map(sorted)


class Counted(Silence):
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.source_bytes = 0

    def add(self, source_bytes: int) -> None:
        self.source_bytes += source_bytes


class Memory(Blocks):
    """Bytes in memory, of which some may never have been written."""

    name = "memory"
    is_device = False
    path = None
    reads_in_flight = 4

    def __init__(self, content: bytes, written: list[Extent] | None = None) -> None:
        self.content = content
        self.size_bytes = len(content)
        self.known = written
        self.reads: list[Extent] = []

    def sector_size_bytes(self) -> int | None:
        return None

    def read_into(self, offset: int, buffer: memoryview) -> None:
        self.reads.append((offset, offset + len(buffer)))
        buffer[:] = self.content[offset : offset + len(buffer)]

    def written(self, start: int, end: int) -> Iterator[Extent] | None:
        if self.known is None:
            return None
        return ((max(first, start), min(behind, end)) for first, behind in self.known if first < end and behind > start)

    def close(self) -> None:
        """Nothing is held."""


def pairs(bounds: list[int], scale: int) -> list[Extent]:
    return [(start * scale, end * scale) for start, end in list(pairwise(bounds))[::2]]


def stored_region(
    source: Blocks,
    extents: Iterable[Extent] | None = None,
    *,
    offset: int = 0,
    progress: Progress | None = None,
    begun: FramesSoFar | None = None,
) -> bytes:
    region = Region(number=0, role="whole", offset_bytes=offset, size_bytes=source.size_bytes - offset)
    wanted = [(0, region.size_bytes)] if extents is None else extents
    start_at = begun.stream_bytes if begun else 0
    stored, _ = framed(
        lambda frames: archive_region(source, region, frames, progress or Silence(), wanted, start_at=start_at),
        OPTIONS,
        begun,
    )
    return stored


def masked(content: bytes, *all_extents: list[Extent]) -> bytes:
    """The content with zeros for what does not lie in all of them."""
    for extents in all_extents:
        left = bytearray(len(content))
        for start, end in extents:
            left[start:end] = content[start:end]
        content = bytes(left)
    return content


@settings(max_examples=60, deadline=None)
@given(wanted=EXTENTS, written=EXTENTS, scale=st.sampled_from([1, 4096, 50_000]))
def test_what_is_wanted_and_was_written_is_read_and_nothing_else_is_kept(
    wanted: list[int], written: list[int], scale: int
) -> None:
    size = 400 * scale
    source = Memory(b"\xaa" * (100 + size), [(start + 100, end + 100) for start, end in pairs(written, scale)])
    progress = Counted()

    stored = stored_region(source, pairs(wanted, scale), offset=100, progress=progress)

    assert b"".join(contents(stored)) == masked(b"\xaa" * size, pairs(wanted, scale), pairs(written, scale))
    assert progress.source_bytes == sum(end - start for start, end in pairs(wanted, scale))


def test_holes_of_an_image_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, noise, read = tmp_path / "image", os.urandom(MIB), list[int]()
    with image.open("wb") as file:
        for at in (3 * MIB, 50 * MIB):
            file.seek(at)
            file.write(noise)
        file.truncate(64 * MIB)
    original = os.preadv

    def counting(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        read.append(original(descriptor, buffers, offset))
        return read[-1]

    monkeypatch.setattr(os, "preadv", counting)

    with BlockSource(image) as source:
        stored = stored_region(source)

    assert b"".join(contents(stored)) == image.read_bytes()
    assert sum(read) <= 2 * MIB + 2 * (64 << 10)


def test_as_many_reads_are_under_way_as_the_source_likes() -> None:
    class Gathering(Memory):
        meeting = Barrier(Memory.reads_in_flight)

        def read_into(self, offset: int, buffer: memoryview) -> None:
            self.meeting.wait(timeout=30)
            super().read_into(offset, buffer)

    content = os.urandom(8 * MIB)

    assert b"".join(contents(stored_region(Gathering(content)))) == content


@pytest.mark.parametrize("frames_stored", [1, 3, 4])
def test_a_region_is_gone_on_with_behind_stored_frames_without_reading_what_they_hold(frames_stored: int) -> None:
    content = os.urandom(3 * MIB) + bytes(4 * MIB) + os.urandom(3 * MIB + 12_345)
    source, first = Memory(content), frames_stored * OPTIONS.frame_bytes
    kept, begun = begun_with(content[:first], OPTIONS)

    rest = stored_region(source, begun=begun)

    assert kept + rest == stored_region(Memory(content))
    assert min(start for start, _ in source.reads) >= first


@pytest.mark.parametrize("bad", [0, 5 * MIB, 9 * MIB])
def test_a_read_that_fails_fails_the_archive(bad: int) -> None:
    class Bad(Memory):
        def read_into(self, offset: int, buffer: memoryview) -> None:
            if offset <= bad < offset + len(buffer):
                raise SourceUnreadable(what="a sector", reason="Input/output error")
            super().read_into(offset, buffer)

    with pytest.raises(SourceUnreadable, match="a sector"):
        stored_region(Bad(os.urandom(10 * MIB)))


def test_reads_that_nobody_wants_any_more_are_given_up() -> None:
    class Hanging(Memory):
        """Answers no read before it is given up."""

        given_up = Event()

        def read_into(self, offset: int, buffer: memoryview) -> None:
            assert self.given_up.wait(30)

        def give_up(self) -> None:
            self.given_up.set()

    class Interrupted(Silence):
        def add(self, source_bytes: int) -> None:
            raise KeyboardInterrupt

    source = Hanging(bytes(9 * MIB))

    with pytest.raises(KeyboardInterrupt):
        stored_region(source, progress=Interrupted())
