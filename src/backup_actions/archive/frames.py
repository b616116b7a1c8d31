"""A stream of bytes becomes independent frames, hashed and compressed by a few threads, in order, in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple, Self

from backup_actions.archive.codecs import Compressor, content_checksum
from backup_actions.archive.frames_so_far import FramesSoFar
from backup_actions.archive.levels import LevelChoice, level_choice
from backup_actions.archive.memory_plan import MemoryPlan
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.stream_hash import frame_digest, stream_hash


@dataclass(frozen=True, slots=True)
class FramedStream:
    """What went through: how many frames, how many bytes, and their hash (see stream_hash)."""

    frames: int
    stream_bytes: int
    blake3: str


class FrameWriter:
    """Cuts what is written into frames and hands them to ``sink`` in order, one call each, the seek table behind them.

    Memory: see MemoryPlan. Buffers are used again, because fresh memory costs as much as copying, and each is free as
    soon as it is compressed, so that no compressor idles while another takes long. With ``begun`` the stream goes on
    behind frames that are stored already; each of them has to be full.
    """

    def __init__(
        self,
        sink: Callable[[bytes], None],
        options: ArchiveOptions,
        *,
        begun: FramesSoFar | None = None,
        level: LevelChoice | None = None,
    ) -> None:
        self._sink = sink
        self._codec = options.codec
        self._frame_bytes = options.frame_bytes
        self._compressor = Compressor(options.codec)
        plan = MemoryPlan.of(options)
        self.buffers = plan.buffers
        """How many frames may be filled or compressed at a time."""
        self._level = level or level_choice(options.codec, options.level, plan.compressors, options.threads)
        self._pool = ThreadPoolExecutor(plan.compressors, thread_name_prefix="compress")
        self._waiting: deque[Future[_Framed] | _Zeros] = deque()
        self._frames_waiting = 0  # runs of zeros not counted: they take no memory
        self._most_waiting = plan.waiting
        self._unmade_buffers = plan.buffers
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._filling = self._buffer()
        self._filled_bytes = 0
        self._arriving: list[Future[None]] = []
        self._so_far = begun.first(len(begun)) if begun else FramesSoFar()
        self._zeros = bytes(options.frame_bytes)
        self._digest_of_zeros = frame_digest(self._zeros)
        self._zero_frame: _Framed | None = None
        if any(length != self._frame_bytes for length in self._so_far.table.content_bytes):
            raise ValueError("a stream goes on behind full frames only")

    def write(self, data: bytes | memoryview) -> None:
        """Append; blocks while all compressors are busy. Raises what the sink raises."""
        view = memoryview(data)
        while view:
            room = self.room()
            piece = view[: len(room)]
            room[: len(piece)] = piece
            self.take(len(piece))
            view = view[len(piece) :]

    def write_zeros(self, length: int) -> None:
        """Append zeros; whole frames of them cost nothing but their place. Blocks and raises as ``write`` does."""
        while length and (self._filled_bytes or length < self._frame_bytes):
            room = self.room()[:length]
            room[:] = memoryview(self._zeros)[: len(room)]
            self.take(len(room))
            length -= len(room)
        frames, rest = divmod(length, self._frame_bytes)
        if frames:
            self._waiting.append(_Zeros(frames))
            self._pass_on()
        if rest:
            self.write_zeros(rest)

    def room(self) -> memoryview:
        """Where the next bytes of the stream may be put to spare a copy; there is always some."""
        return memoryview(self._filling)[self._filled_bytes :]

    def take(self, length: int, arriving: Sequence[Future[None]] = ()) -> None:
        """Append the first bytes of the room, which are there when all that is ``arriving`` is done.

        Blocks and raises as ``write`` does, and at some later call what those who bring the bytes have raised.
        """
        self._filled_bytes += length
        self._arriving += arriving
        if self._filled_bytes == self._frame_bytes:
            self._cut()

    def take_frame(self, content: memoryview, release: Callable[[], object]) -> None:
        """Append a frame that lies elsewhere; only the last one may be shorter. It is released once it is compressed.

        Blocks and raises as ``write`` does. Whoever lends frames bounds their number: see ``buffers``.
        """
        if self._filled_bytes:
            raise ValueError("a whole frame cannot begin in the midst of another")
        self._frame(content, release, [])

    def finish(self) -> FramedStream:
        """The last frame and the seek table are with the sink."""
        if self._filled_bytes:
            self._cut()
        self._most_waiting = 0
        self._pass_on()
        self._sink(self._so_far.table.encoded(self._codec))
        return FramedStream(len(self._so_far), self._so_far.stream_bytes, stream_hash(self._so_far.digests))

    def so_far(self, count: int) -> FramesSoFar:
        """The first frames, of those that were passed to the sink. From any thread, at any time."""
        return self._so_far.first(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _buffer(self) -> bytearray:
        """One that is free; waits for a compressor where all are in use."""
        if self._free.empty() and self._unmade_buffers:
            self._unmade_buffers -= 1
            return bytearray(self._frame_bytes)
        return self._free.get()

    def _cut(self) -> None:
        buffer = self._filling
        self._frame(memoryview(buffer)[: self._filled_bytes], partial(self._free.put, buffer), self._arriving)
        self._filling, self._filled_bytes, self._arriving = self._buffer(), 0, []

    def _frame(self, content: memoryview, release: Callable[[], object], arriving: list[Future[None]]) -> None:
        def let_go(_done_or_canceled: Future[_Framed]) -> None:
            content.release()
            release()

        work = self._pool.submit(self._framed, content, arriving, self._level.next())
        work.add_done_callback(let_go)
        self._waiting.append(work)
        self._frames_waiting += 1
        self._pass_on()

    def _framed(self, content: memoryview, arriving: list[Future[None]], level: int) -> _Framed:
        for bytes_of_it in arriving:
            bytes_of_it.result()
        began, own = time.perf_counter(), time.thread_time()
        digest = frame_digest(content)
        if digest == self._digest_of_zeros and len(content) == self._frame_bytes:
            return self._framed_zeros()
        framed = _Framed(self._compressor.frame(content, level), len(content), digest)
        self._level.worked(time.perf_counter() - began, time.thread_time() - own)
        return framed

    def _framed_zeros(self) -> _Framed:
        if self._zero_frame is None:
            stored = self._compressor.frame(self._zeros, 1)
            self._zero_frame = _Framed(stored, self._frame_bytes, self._digest_of_zeros)
        return self._zero_frame

    def _pass_on(self) -> None:
        """Whatever is done goes to the sink, in order; what is not is waited for while too many frames wait."""
        while self._waiting:
            first = self._waiting[0]
            if isinstance(first, _Zeros):
                for _ in range(first.frames):
                    self._store(self._framed_zeros())
            elif first.done() or self._frames_waiting > self._most_waiting:
                self._store(first.result())
                self._frames_waiting -= 1
            else:
                return
            self._waiting.popleft()

    def _store(self, framed: _Framed) -> None:
        checksum = content_checksum(self._codec, framed.stored)
        self._so_far.add(len(framed.stored), framed.content_bytes, checksum, framed.digest)
        self._sink(framed.stored)


class _Framed(NamedTuple):
    """A frame as it is stored, and the digest of what it holds."""

    stored: bytes
    content_bytes: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class _Zeros:
    """So many frames of nothing but zeros."""

    frames: int
