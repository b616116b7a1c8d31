"""Identifiers as AWS makes them, but the same ones in every run."""

from __future__ import annotations

import hashlib
import itertools
import uuid


class Identifiers:
    """Numbers everything that one service makes; the seed keeps services from making the same ones."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._numbers = itertools.count(1)

    def resource(self, prefix: str) -> str:
        """``vol-`` and seventeen hexadecimal digits."""
        return f"{prefix}-0{self._digest()[:16]}"

    def uuid(self) -> str:
        """A UUID."""
        return str(uuid.UUID(self._digest()[:32]))

    def _digest(self) -> str:
        return hashlib.sha256(f"{self._seed} {next(self._numbers)}".encode()).hexdigest()
