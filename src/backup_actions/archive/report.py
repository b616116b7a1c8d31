"""What a verification found."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not as it was written, and what it touches."""

    object: str
    reason: str
    frame: int | None = None
    files: tuple[str, ...] = ()
    """Paths of the entries affected, as a person reads them; the first hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberReport:
    """What was compared of one member."""

    name: str
    bytes_read: int = 0
    """Stored bytes that were fetched."""
    frames_checked: int = 0
    frames: int = 0
    entries_compared: int = 0
    entries: int = 0
    hashes_compared: int = 0
    """Content hashes of files, plus the one over the whole stream where all of it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """``ok`` says that nothing is wrong with what was looked at; ``complete`` that everything was looked at."""

    location: str
    sample: float | None
    complete: bool
    members: tuple[MemberReport, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    @property
    def bytes_read(self) -> int:
        """Stored bytes that were fetched in all."""
        return sum(member.bytes_read for member in self.members)

    def to_json(self) -> dict[str, Any]:
        """Everything above, ready for ``json.dumps``: evidence."""
        return {**dataclasses.asdict(self), "ok": self.ok, "bytes_read": self.bytes_read}
