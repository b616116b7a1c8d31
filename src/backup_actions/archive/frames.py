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
    ``frame_bytes x (2 x threads + 3)``.
    """

    def __init__(self, sink: Callable[[bytes], None], options: ArchiveOptions) -> None:
        self._sink = sink
        self._codec = options.codec
        self._frame_bytes = options.frame_bytes
        self._compressor = Compressor(options.codec, options.level)
        self._pool = ThreadPoolExecutor(options.threads, thread_name_prefix="compress")
        self._waiting: deque[tuple[int, Future[bytes]]] = deque()
        self._most_waiting = options.threads + 1
        self._filling = bytearray()
        self._table = SeekTable()
        self._hash = blake3()
        self._stream_bytes = 0
        self._zeros = bytes(options.frame_bytes)
        self._zero_frame: Future[bytes] | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Append; blocks while all compressors are busy. Raises what the sink raises."""
        self._hash.update(data)
        self._stream_bytes += len(data)
        view = memoryview(data)
        while view:
            room = self._frame_bytes - len(self._filling)
            self._filling += view[:room]
            if len(view) >= room:
                self._cut()
            view = view[room:]

    def finish(self) -> FramedStream:
        """The last frame and the seek table are with the sink."""
        if self._filling:
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
        content, self._filling = self._filling, bytearray()
        if content == self._zeros:
            if self._zero_frame is None:
                self._zero_frame = self._pool.submit(self._compressor.frame, self._zeros)
            compressed = self._zero_frame
        else:
            compressed = self._pool.submit(self._compressor.frame, content)
        self._waiting.append((len(content), compressed))
        if len(self._waiting) > self._most_waiting:
            self._pass_on()

    def _pass_on(self) -> None:
        content_bytes, compressed = self._waiting.popleft()
        frame = compressed.result()
        self._table.add(len(frame), content_bytes, content_checksum(self._codec, frame))
        self._sink(frame)
