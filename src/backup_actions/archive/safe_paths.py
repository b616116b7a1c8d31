"""Whether entries may be written below a folder: none may reach outside of it, by itself or through a link."""

from __future__ import annotations

from backup_actions.archive.index_rows import path_text
from backup_actions.archive.tar_walker import EntryBegins
from backup_actions.errors import UnsafePath


class PathGuard:
    """Looks at each entry before it is extracted. Memory grows with the number of symbolic links, nothing else."""

    def __init__(self) -> None:
        self._symlinks: set[bytes] = set()

    def check(self, entry: EntryBegins) -> None:
        """Raise UnsafePath for an entry that would leave the folder, or whose hard link points outside of it."""
        if entry.path == b".":
            if entry.type != "directory":
                raise UnsafePath(path=".")
            return
        self._check_path(entry.path)
        if entry.type == "hardlink":
            self._check_path(entry.link_target)
        if entry.type == "symlink":
            self._symlinks.add(entry.path)

    def _check_path(self, path: bytes) -> None:
        steps = path.split(b"/")
        if any(step in {b"", b".", b".."} for step in steps):
            raise UnsafePath(path=path_text(path))
        for depth in range(1, len(steps)):
            if b"/".join(steps[:depth]) in self._symlinks:
                raise UnsafePath(path=path_text(path))
