"""How many frames and compressors there may be at a time, so that all of them stay within their share of memory."""

from __future__ import annotations

from dataclasses import dataclass

from backup_actions.archive.codecs import compressor_bytes
from backup_actions.archive.options import ArchiveOptions


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """``buffers`` hold content that fills or is compressed; ``waiting`` frames may not yet be with the store.

    The two have half of the share each, because every frame that waits may be as large as its content.
    """

    compressors: int
    buffers: int
    waiting: int

    @classmethod
    def of(cls, options: ArchiveOptions) -> MemoryPlan:
        """As many compressors as are asked for and fit, each with a frame and its result."""
        share_bytes = options.frame_memory_mib << 20
        state_bytes = compressor_bytes(options.codec, options.level, options.frame_bytes)
        fit = (share_bytes - 2 * options.frame_bytes) // (state_bytes + 2 * options.frame_bytes)
        compressors = max(1, min(options.threads, fit))
        frames = max(4, (share_bytes - compressors * state_bytes) // options.frame_bytes)
        return cls(compressors, buffers=frames // 2, waiting=frames - frames // 2)
