"""A tar against its index, entry by entry, also where parts of the tar are lost or were not asked for."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator

from backup_actions.archive.entries import Entry, EntryType
from backup_actions.archive.index_rows import path_text
from backup_actions.archive.pax import TarError
from backup_actions.archive.tar_walker import TarWalker
from backup_actions.errors import ArchiveDamaged

_MOST_NAMED = 100

Complain = Callable[[str, int | None, tuple[str, ...]], None]
"""Takes a reason, the frame if there is one, and the paths affected."""


class TreeComparison:
    """Gets the contents of frames in order; frames may be skipped or lost. Memory: one batch of index rows."""

    def __init__(self, index: Iterator[Entry], complain: Complain) -> None:
        self._index = index
        self._complain = complain
        self._next: Entry | None = None
        self._straddling: Entry | None = None  # counted as lost already, and reaching into later frames
        self._walker: TarWalker | None = None
        self._skip_to = 0
        self.types: Counter[EntryType] = Counter()
        self.compared = 0
        self.hashes = 0
        self._advance()
        self.skip_to(0)

    def skip_to(self, offset: int) -> None:
        """Go on with the first entry that begins at or behind this byte of the tar."""
        while self._next is not None and self._next.tar_offset < offset:
            self._straddling = self._next
            self._advance()
        self._skip_to = self._next.tar_offset if self._next is not None else offset
        self._walker = TarWalker(tar_offset=self._skip_to) if self._next is not None or offset == 0 else None

    def feed(self, frame: int, start: int, content: bytes) -> None:
        """Compare what this frame holds, whose content begins at byte ``start`` of the tar."""
        if self._walker is None:
            return
        try:
            entries = self._walker.feed(content[max(0, self._skip_to - start) :])
        except TarError as wrong:
            self.lose(frame, start, start + len(content), f"its content is not a tar: {wrong}")
            return
        for entry in entries:
            self._compare(entry, frame)

    def lose(self, frame: int, start: int, end: int, reason: str) -> None:
        """Name every entry that lies in this stretch of the tar, and go on behind it."""
        lost = []
        if self._straddling is not None and self._straddling.tar_end > start:
            lost.append(path_text(self._straddling.path))
        while self._next is not None and self._next.tar_offset < end:
            if len(lost) < _MOST_NAMED:
                lost.append(path_text(self._next.path))
            self._straddling = self._next
            self._advance()
        self._complain(reason, frame, tuple(lost))
        self.skip_to(end)

    def finish(self) -> None:
        """Complain of what the index has and the tar has not, and of a tar without an end."""
        if self._walker is not None:
            try:
                self._walker.finish()
            except TarError as wrong:
                self._complain(str(wrong), None, ())
        missing = []
        while self._next is not None:
            missing.append(path_text(self._next.path))
            self._advance()
        if missing:
            reason = f"the index has {len(missing)} entries that the tar has not"
            self._complain(reason, None, tuple(missing[:_MOST_NAMED]))

    def _compare(self, entry: Entry, frame: int) -> None:
        self.types[entry.type] += 1
        while self._next is not None and self._next.tar_offset < entry.tar_offset:
            self._complain("the index has an entry that the tar has not", frame, (path_text(self._next.path),))
            self._advance()
        expected = self._next
        if expected is None or expected.tar_offset > entry.tar_offset:
            self._complain("the tar has an entry that the index has not", frame, (path_text(entry.path),))
            return
        if entry != expected:
            differing = [
                field.name
                for field in dataclasses.fields(Entry)
                if getattr(entry, field.name) != getattr(expected, field.name)
            ]
            self._complain(f"tar and index differ in {', '.join(differing)}", frame, (path_text(expected.path),))
        self.compared += 1
        self.hashes += bool(entry.blake3)
        self._advance()

    def _advance(self) -> None:
        try:
            self._next = next(self._index, None)
        except ArchiveDamaged as damaged:
            self._next = None
            self._complain(str(damaged), None, ())
