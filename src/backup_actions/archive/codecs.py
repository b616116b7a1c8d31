"""One frame in, one frame out: zstd frames and gzip members that each stand alone."""

from __future__ import annotations

import threading
import zlib

import zstandard

from backup_actions.archive.options import Codec

_GZIP = 31  # zlib's window bits for a gzip header and trailer around a 32 KiB window
LARGEST_FRAME_BYTES = 64 << 20


class FrameError(ValueError):
    """A frame is not what the seek table says; readers turn this into ArchiveDamaged or a problem of a report."""


class Compressor:
    """Safe to call from several threads: each has a context of its own."""

    def __init__(self, codec: Codec, level: int) -> None:
        self._codec = codec
        self._level = level
        self._mine = threading.local()

    def frame(self, content: bytes | memoryview) -> bytes:
        """One frame with its content size and a checksum of the content inside."""
        if self._codec == "gzip":
            compressor = zlib.compressobj(self._level, zlib.DEFLATED, _GZIP)
            return compressor.compress(content) + compressor.flush()
        if not hasattr(self._mine, "zstd"):
            self._mine.zstd = zstandard.ZstdCompressor(level=self._level, write_checksum=True, write_content_size=True)
        return bytes(self._mine.zstd.compress(content))


def content_checksum(codec: Codec, frame: bytes) -> int:
    """The low 32 bits of the content's XXH64: the last bytes of a zstd frame, as the seek table wants them.

    https://github.com/facebook/zstd/blob/dev/doc/zstd_compression_format.md#zstandard-frames
    """
    return int.from_bytes(frame[-4:], "little") if codec == "zstd" else 0


def decompressed(codec: Codec, frame: bytes, content_bytes: int) -> bytes:
    """The content of a frame, of exactly that size. Raises FrameError, before taking more memory than that."""
    if content_bytes > LARGEST_FRAME_BYTES:
        raise FrameError(f"it claims {content_bytes} bytes; no frame has more than {LARGEST_FRAME_BYTES}")
    try:
        content = _unzstd(frame, content_bytes) if codec == "zstd" else _gunzip(frame, content_bytes)
    except (zstandard.ZstdError, zlib.error) as wrong:
        raise FrameError(str(wrong)) from wrong
    if len(content) != content_bytes:
        raise FrameError(f"it holds {len(content)} bytes, not {content_bytes}")
    return content


def _unzstd(frame: bytes, content_bytes: int) -> bytes:
    parameters = zstandard.get_frame_parameters(frame)
    if parameters.content_size != content_bytes or not parameters.has_checksum:
        raise FrameError("its header is not the one that the seek table describes")
    return bytes(zstandard.ZstdDecompressor().decompress(frame, allow_extra_data=False))


def _gunzip(frame: bytes, content_bytes: int) -> bytes:
    decompressor = zlib.decompressobj(_GZIP)
    content = decompressor.decompress(frame, content_bytes + 1)
    if not decompressor.eof or decompressor.unused_data:
        raise FrameError("it does not end where the seek table says")
    return content
