"""A stream of bytes becomes independent frames, compressed by a few threads, in order, with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from blake3 import blake3

from backup_actions.archive.codecs import Compressor, content_checksum
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.seek_table import SeekTable


@dataclass(frozen=True, slots=True)
class FramedStream:
    """What went through: how many frames, how many bytes, and their hash."""

    frames: int
    stream_bytes: int
    blake3: str


class FrameWriter:
    """Cuts what is written into frames and hands them to ``sink`` in order, the seek table behind them.

    At most ``threads + 1`` frames are in the pool, each with its content and its result, and one more fills:
    ``frame_bytes x (2 x threads + 3)``. Buffers are used again: fresh memory costs as much as copying.
    """

    def __init__(self, sink: Callable[[bytes], None], options: ArchiveOptions) -> None:
        self._sink = sink
        self._codec = options.codec
        self._frame_bytes = options.frame_bytes
        self._compressor = Compressor(options.codec, options.level)
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="compress")
        self._waiting: deque[_Frame] = deque()
        self._most_waiting = options.threads + 1
        self._unused: list[bytearray] = []
        self._filling = bytearray(options.frame_bytes)
        self._filled_bytes = 0
        self._table = SeekTable()
        self._hash = blake3()
        self._stream_bytes = 0
        self._zeros = bytes(options.frame_bytes)
        self._zero_frame: Future[bytes] | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Append; blocks while all compressors are busy. Raises what the sink raises."""
        view = memoryview(data)
        while view:
            room = self.room()
            piece = view[: len(room)]
            room[: len(piece)] = piece
            self.take(len(piece))
            view = view[len(piece) :]

    def room(self) -> memoryview:
        """Where the next bytes of the stream may be put to spare a copy; there is always some."""
        return memoryview(self._filling)[self._filled_bytes :]

    def take(self, length: int) -> None:
        """Append the first bytes of the room. Blocks and raises as ``write`` does."""
        self._filled_bytes += length
        if self._filled_bytes == self._frame_bytes:
            self._cut()

    def finish(self) -> FramedStream:
        """The last frame and the seek table are with the sink."""
        if self._filled_bytes:
            self._cut()
        while self._waiting:
            self._pass_on()
        self._sink(self._table.encoded(self._codec))
        return FramedStream(len(self._table), self._stream_bytes, self._hash.hexdigest())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _cut(self) -> None:
        buffer, content = self._filling, memoryview(self._filling)[: self._filled_bytes]
        self._hash.update(content)
        self._stream_bytes += len(content)
        self._waiting.append(_Frame(buffer, len(content), self._compressed(buffer, content)))
        if len(self._waiting) > self._most_waiting:
            self._pass_on()
        self._filling = self._unused.pop() if self._unused else bytearray(self._frame_bytes)
        self._filled_bytes = 0

    def _compressed(self, buffer: bytearray, content: memoryview) -> Future[bytes]:
        if len(content) < self._frame_bytes or buffer != self._zeros:
            return self._pool.submit(self._compressor.frame, content)
        if self._zero_frame is None:
            self._zero_frame = self._pool.submit(self._compressor.frame, self._zeros)
        return self._zero_frame

    def _pass_on(self) -> None:
        frame = self._waiting.popleft()
        compressed = frame.compressed.result()
        self._unused.append(frame.buffer)
        self._table.add(len(compressed), frame.content_bytes, content_checksum(self._codec, compressed))
        self._sink(compressed)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame that is being compressed; its buffer is free again when that is done."""

    buffer: bytearray
    content_bytes: int
    compressed: Future[bytes]
