"""One frame in, one frame out: zstd frames and gzip members that each stand alone."""

from __future__ import annotations

import threading
import zlib

import zstandard
from isal import igzip_lib, isal_zlib

from backup_actions.archive.options import HIGHEST_AUTOMATIC_LEVEL, Codec, Level

_GZIP = 31  # zlib's window bits for a gzip header and trailer around a 32 KiB window
_HIGHEST_ISAL_LEVEL = 3
_ISAL_STATE_BYTES = 1 << 20
_ZLIB_STATE_BYTES = 1 << 18
LARGEST_FRAME_BYTES = 64 << 20


class FrameError(ValueError):
    """A frame is not what the seek table says; readers turn this into ArchiveDamaged or a problem of a report."""


class Compressor:
    """Safe to call from several threads: each has a context of its own, which the next frame uses again."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._mine = threading.local()

    def frame(self, content: bytes | memoryview, level: int) -> bytes:
        """One frame with its content size and a checksum of the content inside."""
        if self._codec == "gzip":
            return _gzip(content, level)
        if getattr(self._mine, "level", None) != level:
            self._mine.zstd = zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)
            self._mine.level = level
        return bytes(self._mine.zstd.compress(content))


def compressor_bytes(codec: Codec, level: Level, frame_bytes: int) -> int:
    """What a thread needs to compress frames of this size, besides a frame and its result."""
    highest = HIGHEST_AUTOMATIC_LEVEL[codec] if level == "auto" else level
    if codec == "gzip":
        return _ISAL_STATE_BYTES if highest <= _HIGHEST_ISAL_LEVEL else _ZLIB_STATE_BYTES
    parameters = zstandard.ZstdCompressionParameters.from_level(highest, source_size=frame_bytes)
    return int(parameters.estimated_compression_context_size())


def content_checksum(codec: Codec, frame: bytes | memoryview) -> int:
    """The low 32 bits of the content's XXH64: the last bytes of a zstd frame, as the seek table wants them.

    https://github.com/facebook/zstd/blob/dev/doc/zstd_compression_format.md#zstandard-frames
    """
    return int.from_bytes(frame[-4:], "little") if codec == "zstd" else 0


def decompressed(codec: Codec, frame: bytes | memoryview, content_bytes: int) -> bytes:
    """The content of a frame, of exactly that size. Raises FrameError, before taking more memory than that."""
    if content_bytes > LARGEST_FRAME_BYTES:
        raise FrameError(f"it claims {content_bytes} bytes; no frame has more than {LARGEST_FRAME_BYTES}")
    try:
        content = _unzstd(frame, content_bytes) if codec == "zstd" else _gunzip(frame, content_bytes)
    except (zstandard.ZstdError, igzip_lib.IsalError) as wrong:  # type: ignore[misc]  # its stub declares an instance
        raise FrameError(str(wrong)) from wrong
    if len(content) != content_bytes:
        raise FrameError(f"it holds {len(content)} bytes, not {content_bytes}")
    return content


def _gzip(content: bytes | memoryview, level: int) -> bytes:
    if level <= _HIGHEST_ISAL_LEVEL:
        return bytes(igzip_lib.compress(content, level, flag=igzip_lib.COMP_GZIP))
    compressor = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    return compressor.compress(content) + compressor.flush()


def _unzstd(frame: bytes | memoryview, content_bytes: int) -> bytes:
    parameters = zstandard.get_frame_parameters(frame)
    if parameters.content_size != content_bytes or not parameters.has_checksum:
        raise FrameError("its header is not the one that the seek table describes")
    return bytes(zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False))


def _gunzip(frame: bytes | memoryview, content_bytes: int) -> bytes:
    decompressor = isal_zlib.decompressobj(_GZIP)
    content = decompressor.decompress(frame, content_bytes + 1)
    if not decompressor.eof or decompressor.unused_data:
        raise FrameError("it does not end where the seek table says")
    return bytes(content)
