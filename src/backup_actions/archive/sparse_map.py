"""The map before the content of a sparse file: GNU sparse format 1.0."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator

from backup_actions.archive.pax import TarError

_BLOCK = 512
_LINE = re.compile(rb"\d{1,18}\n")


class SparseMap:
    """Fed in pieces of any size: decimal lines, first a count, then offset and length of each island of data.

    Memory: sixteen bytes an island.
    """

    def __init__(self) -> None:
        self.stored_bytes: int | None = None
        """Of the map, padded to whole blocks, and all islands; None until the whole map was fed."""
        self._rest = b""
        self._map_bytes = 0
        self._numbers_left: int | None = None
        self._numbers = array("q")

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the file as it lies in the tar. Raises TarError where they are no map."""
        if self.stored_bytes is not None:
            return
        text, at = self._rest + bytes(data), 0
        while self._numbers_left != 0 and (line := _LINE.match(text, at)):
            self._take(int(line.group()))
            at = line.end()
        self._rest = text[at:] if self._numbers_left != 0 else b""
        self._map_bytes += at
        if self._numbers_left == 0:
            self.stored_bytes = -(-self._map_bytes // _BLOCK) * _BLOCK + sum(self._numbers[1::2])
        elif len(self._rest) > 20:
            raise TarError("the map of a sparse file is not one")

    def islands(self) -> Iterator[tuple[int, int]]:
        """Offset and length of each."""
        return zip(self._numbers[::2], self._numbers[1::2], strict=True)

    def _take(self, number: int) -> None:
        if self._numbers_left is None:
            self._numbers_left = 2 * number
        else:
            self._numbers.append(number)
            self._numbers_left -= 1
