"""Progress as a terminal draws it, and as lines for everything that is not one."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Self

from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.progress import TaskID

_LINE_EVERY_BYTES = 1 << 30


class PlainProgress:
    """A line for each piece of work, for each tenth of it, and for each note."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._lock = Lock()
        self._what = ""
        self._total_bytes: int | None = None
        self._done_bytes = 0
        self._told_steps = 0

    def start(self, what: str, total_bytes: int | None) -> None:
        """Write what begins, and its size where that is known."""
        with self._lock:
            self._what, self._total_bytes, self._done_bytes, self._told_steps = what, total_bytes, 0, 0
            self._write(what if total_bytes is None else f"{what}: {bytes_in_words(total_bytes)}")

    def add(self, source_bytes: int) -> None:
        """Write a line when another tenth is done, or another GiB where the size is not known."""
        with self._lock:
            self._done_bytes += source_bytes
            steps = self._done_bytes // max(1, (self._total_bytes or 10 * _LINE_EVERY_BYTES) // 10)
            if steps <= self._told_steps:
                return
            self._told_steps = steps
            done = bytes_in_words(self._done_bytes)
            share = f" ({100 * self._done_bytes // self._total_bytes} %)" if self._total_bytes else ""
            self._write(f"{self._what}: {done}{share}")

    def note(self, sentence: str) -> None:
        """Write the sentence."""
        with self._lock:
            self._write(sentence)


class TerminalProgress:
    """A bar on stderr for the present piece of work, notes above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._present: TaskID | None = None

    def start(self, what: str, total_bytes: int | None) -> None:
        """Begin a new bar."""
        self._present = self._bars.add_task(what, total=total_bytes)

    def add(self, source_bytes: int) -> None:
        """Move the present bar."""
        if self._present is not None:
            self._bars.advance(self._present, source_bytes)

    def note(self, sentence: str) -> None:
        """Write the sentence above the bars."""
        self._bars.console.print(sentence, markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
