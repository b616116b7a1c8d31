"""What tests do with framed streams: read them back, and run a FrameWriter to its end."""

from __future__ import annotations

from collections.abc import Callable

from backup_actions.archive.codecs import decompressed
from backup_actions.archive.frames import FramedStream, FrameWriter
from backup_actions.archive.frames_so_far import FramesSoFar
from backup_actions.archive.options import ArchiveOptions, Codec
from backup_actions.archive.seek_table import SeekTable, read_seek_table


def table_of(stored: bytes, codec: Codec = "zstd") -> SeekTable:
    """The table at the end of an object."""
    return read_seek_table(lambda start, end: stored[start:end], len(stored), codec)


def contents(stored: bytes, codec: Codec = "zstd") -> list[bytes]:
    """What each frame holds."""
    table = table_of(stored, codec)
    offsets = table.stored_offsets
    return [
        decompressed(codec, stored[offsets[number] : offsets[number + 1]], size)
        for number, size in enumerate(table.content_bytes)
    ]


def framed(
    write: Callable[[FrameWriter], None], options: ArchiveOptions, begun: FramesSoFar | None = None
) -> tuple[bytes, FramedStream]:
    """The object that comes of what is written, and what is said of it."""
    stored = bytearray()
    with FrameWriter(stored.extend, options, begun=begun) as frames:
        write(frames)
        stream = frames.finish()
    return bytes(stored), stream


def begun_with(content: bytes, options: ArchiveOptions) -> tuple[bytes, FramesSoFar]:
    """The stored frames of a stream that begins with this content, and what is kept of them."""
    stored = bytearray()
    with FrameWriter(stored.extend, options) as frames:
        frames.write(content)
        frames.finish()
        so_far = frames.so_far(len(content) // options.frame_bytes)
    return bytes(stored[: so_far.stored_bytes]), so_far
