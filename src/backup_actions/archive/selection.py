"""A few entries out of many: which others they need, and where in the tar all of them lie."""

from __future__ import annotations

from backup_actions.archive.entries import Entry


class Selection:
    """The named paths with all below them, the directories above them, and the files that hard links share.

    First every entry that ``is_asked_for`` is shown to ``ask_for_target_of``, then every one that ``is_needed`` is
    given to ``take``, both in the order of the tar.
    """

    def __init__(self, paths: set[bytes]) -> None:
        self._paths = paths
        self._found: set[bytes] = set()
        self._besides = {b"."}
        for path in paths:
            self._besides.update(_above(path))
        self.ranges: list[tuple[int, int]] = []

    def is_asked_for(self, path: bytes) -> bool:
        """Whether the path was named or lies below one that was."""
        named = [path, *_above(path)] if b"/" in path else [path]
        hits = self._paths.intersection(named)
        self._found |= hits
        return bool(hits)

    def ask_for_target_of(self, entry: Entry) -> None:
        """Note what the entry cannot be without."""
        if entry.type == "hardlink":
            self._besides.add(entry.link_target)
            self._besides.update(_above(entry.link_target))

    def missing(self) -> list[bytes]:
        """The named paths that nothing was found for."""
        return sorted(self._paths - self._found)

    def is_needed(self, path: bytes) -> bool:
        """Whether the entry is part of the selection."""
        return path in self._besides or self.is_asked_for(path)

    def take(self, entry: Entry) -> None:
        """Add where the entry lies; neighbours become one range."""
        if self.ranges and self.ranges[-1][1] == entry.tar_offset:
            self.ranges[-1] = (self.ranges[-1][0], entry.tar_end)
        else:
            self.ranges.append((entry.tar_offset, entry.tar_end))


def _above(path: bytes) -> list[bytes]:
    steps = path.split(b"/")
    return [b"/".join(steps[:depth]) for depth in range(1, len(steps))]
