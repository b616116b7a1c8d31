"""Work code counts; whoever watches draws (a terminal, JSON lines, CloudWatch Logs, nobody)."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What long work reports to. Called often and from several threads: implementations are cheap and safe."""

    def start(self, what: str, total_bytes: int | None) -> None:
        """Say that a piece of work begins and, where known, how many source bytes it covers."""
        ...

    def add(self, source_bytes: int) -> None:
        """Count source bytes that are done. A retry may count backwards."""
        ...

    def note(self, sentence: str) -> None:
        """Tell something worth a line: a fallback taken, a file skipped."""
        ...


class Silence:
    """Nobody watches."""

    def start(self, what: str, total_bytes: int | None) -> None:
        """Do nothing."""

    def add(self, source_bytes: int) -> None:
        """Do nothing."""

    def note(self, sentence: str) -> None:
        """Do nothing."""
