"""The hash of a stream: BLAKE3 over the BLAKE3 digests of its frames, so that frames can be hashed side by side."""

from __future__ import annotations

from blake3 import blake3

DIGEST_BYTES = 32


def frame_digest(content: bytes | memoryview) -> bytes:
    """The 32 bytes of one frame."""
    return bytes(blake3(content).digest())


def stream_hash(digests: bytes | bytearray) -> str:
    """The hash of a stream from the digests of all its frames, in order and one behind the other."""
    return str(blake3(digests).hexdigest())
