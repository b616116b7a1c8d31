"""Frames in memory that another program fills: no byte of a tree has to pass through a pipe."""

from __future__ import annotations

import io
import mmap
import os
import struct
import threading
from contextlib import suppress

_NUMBER = struct.Struct("<Q")
_MOST = 1024  # whose numbers fit into a pipe


class SharedFrames:
    """The program gets the number of each frame that is free, and says which ones it has filled.

    Memory: so many frames, until it is closed and the last of them is released, which may be done by any thread.
    """

    def __init__(self, frames: int, frame_bytes: int) -> None:
        count = min(frames, _MOST)
        self.frame_bytes = frame_bytes
        self.descriptor = os.memfd_create("frames")
        """To be inherited by the program."""
        os.ftruncate(self.descriptor, count * frame_bytes)
        self._map = mmap.mmap(self.descriptor, count * frame_bytes)
        self._memory = memoryview(self._map)
        self._lent: set[int] = set()
        self._filled = 0
        self._to: io.FileIO | None = None
        self._lock = threading.Lock()

    def lend(self, to: io.FileIO) -> None:
        """All frames are free; the program reads their numbers from this pipe."""
        self._to = to
        for number in range(len(self._memory) // self.frame_bytes):
            self._lend(number)

    def filled(self, number: int, length: int) -> memoryview | None:
        """The first bytes of a frame that comes back; None where the program did not have it, or not of that size."""
        with self._lock:
            if number not in self._lent or not 0 < length <= self.frame_bytes:
                return None
            self._lent.remove(number)
            self._filled += 1
            begin = number * self.frame_bytes
            return self._memory[begin : begin + length]

    def release(self, number: int) -> None:
        """Nobody looks at the frame any more: it is free again."""
        with self._lock:
            self._filled -= 1
            self._lend(number)
            self._free_memory()

    def close(self) -> None:
        """Nothing is lent any more; what was filled stays as it is until it is released."""
        with self._lock:
            self._to = None
            os.close(self.descriptor)
            self._free_memory()

    def _lend(self, number: int) -> None:
        if self._to is not None:
            self._lent.add(number)
            with suppress(BrokenPipeError):  # it ended, which is seen where it is listened to
                self._to.write(_NUMBER.pack(number))

    def _free_memory(self) -> None:
        """At once, and not when garbage is collected: the next tree wants as much."""
        if self._to is None and not self._filled:
            self._memory.release()
            with suppress(BufferError):  # an exception on its way up still shows a piece of it
                self._map.close()
