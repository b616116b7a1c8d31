"""A region of a disk as a stream: what is wanted of it and was ever written is read, all else is zeros."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from backup_actions.archive.allocation import Extent
from backup_actions.archive.device import Blocks
from backup_actions.archive.frames import FrameWriter
from backup_actions.model.manifest import Region
from backup_actions.model.progress import Progress

_CELL_BYTES = 1 << 20  # a whole number of them is in every frame, so that each is read into one buffer
_CLOSE_BYTES = 64 << 10  # reading over a gap of this size costs less than another read
_COUNTED_BYTES = 4 << 20
_NOTHING_MORE = (1 << 63, 1 << 63)
_ZEROS = bytes(_CELL_BYTES)


def archive_region(
    source: Blocks,
    region: Region,
    frames: FrameWriter,
    progress: Progress,
    extents: Iterable[Extent],
    *,
    start_at: int = 0,
) -> None:
    """The region is in the frames, with zeros for all that lies outside of the extents or was never written.

    ``start_at`` is how much of it is in stored frames already. As many reads as the source likes are under way at a
    time, each straight into a frame. Raises SourceUnreadable, at the latest when the frames are finished.
    """
    begin = region.offset_bytes
    written = source.written(begin, begin + region.size_bytes)
    wanted = _counted(extents, progress)
    if written is not None:
        wanted = _common(wanted, ((start - begin, end - begin) for start, end in written))
    readers = ThreadPoolExecutor(source.reads_in_flight, thread_name_prefix="read")
    try:
        at = start_at
        for number, pieces in _cells(wanted, start_at):
            start = number * _CELL_BYTES
            frames.write_zeros(start - at)
            at = min(start + _CELL_BYTES, region.size_bytes)
            cell = frames.room()[: at - start]
            frames.take(len(cell), [readers.submit(_read, source, begin + start, cell, pieces)])
        frames.write_zeros(region.size_bytes - at)
        readers.shutdown()  # when all is read
    except BaseException:
        source.give_up()  # or reads of a busy service would be waited for
        raise
    finally:
        readers.shutdown(cancel_futures=True)


def _read(source: Blocks, offset: int, cell: memoryview, pieces: list[Extent]) -> None:
    """The cell holds the pieces, and zeros between them: what was deleted there is not archived by chance."""
    for start, end in _runs(pieces):
        source.read_into(offset + start, cell[start:end])
    at = 0
    for start, end in [*pieces, (len(cell), len(cell))]:
        if start > at:
            cell[at:start] = memoryview(_ZEROS)[: start - at]
        at = end


def _runs(pieces: list[Extent]) -> Iterator[Extent]:
    """Stretches with pieces so close to each other that they are one read."""
    start, end = pieces[0]
    for next_start, next_end in pieces[1:]:
        if next_start - end > _CLOSE_BYTES:
            yield start, end
            start = next_start
        end = next_end
    yield start, end


def _cells(extents: Iterable[Extent], start_at: int) -> Iterator[tuple[int, list[Extent]]]:
    """Extents gathered by the cell that they lie in, from its begin on; those before ``start_at`` are left out."""
    number, pieces = -1, list[Extent]()
    for start, end in extents:
        at = max(start, start_at)
        while at < end:
            if at // _CELL_BYTES != number:
                if pieces:
                    yield number, pieces
                number, pieces = at // _CELL_BYTES, []
            base = number * _CELL_BYTES
            behind = min(end, base + _CELL_BYTES)
            pieces.append((at - base, behind - base))
            at = behind
    if pieces:
        yield number, pieces


def _counted(extents: Iterable[Extent], progress: Progress) -> Iterator[Extent]:
    """The extents in parts that a person can see pass."""
    for start, end in extents:
        for at in range(start, end, _COUNTED_BYTES):
            behind = min(end, at + _COUNTED_BYTES)
            yield at, behind
            progress.add(behind - at)


def _common(first: Iterable[Extent], second: Iterable[Extent]) -> Iterator[Extent]:
    """What lies in both."""
    others = iter(second)
    low, high = next(others, _NOTHING_MORE)
    for start, end in first:
        while high <= start:
            low, high = next(others, _NOTHING_MORE)
        while low < end:
            yield max(start, low), min(end, high)
            if high > end:
                break
            low, high = next(others, _NOTHING_MORE)
