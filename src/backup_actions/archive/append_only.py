"""Something that can only be appended to, as the file that pyarrow writes Parquet into."""

from __future__ import annotations

from collections.abc import Callable


class AppendOnlyFile:
    """What is written goes to ``append``; with ``discard`` it goes nowhere."""

    def __init__(self, append: Callable[[bytes], object]) -> None:
        self._append = append
        self._position = 0
        self.discard = False
        self.closed = False

    def write(self, data: bytes) -> int:
        """All of it."""
        if not self.discard:
            self._append(bytes(data))
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        """How much was written."""
        return self._position

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing more is written."""
        self.closed = True
