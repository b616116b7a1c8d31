"""The hash of a file's content: BLAKE3, of a large file over the hashes of its pieces, so that a resume can go on."""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3

HASH_PIECE_BYTES = 1 << 30
HASH_OF_NOTHING = blake3().digest()


class ContentHash:
    """Up to one piece it is the BLAKE3 of the bytes; of more, the BLAKE3 over the BLAKE3 of each piece of 1 GiB.

    ``finished`` are the hashes of pieces that were fed before, perhaps in another process.
    """

    def __init__(self, finished: Iterable[bytes] = ()) -> None:
        self.finished = list(finished)
        self._piece_bytes = HASH_PIECE_BYTES
        self._piece = blake3()
        self._fed_bytes = 0  # of the piece under way

    def update(self, data: bytes | memoryview) -> None:
        """Feed the next bytes."""
        left = self._piece_bytes - self._fed_bytes
        if len(data) < left:
            self._piece.update(data)
            self._fed_bytes += len(data)
            return
        view = memoryview(data)
        for at in range(left, len(view) + 1, self._piece_bytes):
            self._piece.update(view[max(0, at - self._piece_bytes) : at])
            self.finished.append(self._piece.digest())
            self._piece = blake3()
        self._fed_bytes = (len(view) - left) % self._piece_bytes
        self._piece.update(view[len(view) - self._fed_bytes :])

    def digest(self) -> bytes:
        """The hash of all that was fed."""
        digests = [*self.finished, self._piece.digest()] if self._fed_bytes or not self.finished else self.finished
        return digests[0] if len(digests) == 1 else blake3(b"".join(digests)).digest()
