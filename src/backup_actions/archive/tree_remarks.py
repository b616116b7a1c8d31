"""What a program that reads a tree says besides the tree: sockets, notes and what it could not read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from backup_actions.errors import SourceUnreadable

_MOST_NAMES = 1_000  # of sockets in a manifest, and of complaints in memory; all sockets are counted


@dataclass
class Remarks:
    """Sorted by what they mean."""

    sockets: list[str] = field(default_factory=list)
    socket_count: int = 0
    notes: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def socket(self, path: str) -> None:
        """A socket, which no tar can hold."""
        self.socket_count += 1
        _keep(self.sockets, path)

    def note(self, sentence: str) -> None:
        """What a reader of the archive should know."""
        _keep(self.notes, sentence)

    def complaint(self, sentence: str) -> None:
        """The archive is incomplete."""
        _keep(self.complaints, sentence)

    def require_complete(self, root: Path, otherwise: str = "") -> None:
        """Raise SourceUnreadable if there was a complaint, or else for this reason."""
        reason = "; ".join(self.complaints[:5]) or otherwise
        if reason:
            raise SourceUnreadable(what=root, reason=reason)


def _keep(sentences: list[str], sentence: str) -> None:
    if len(sentences) < _MOST_NAMES:
        sentences.append(sentence)
