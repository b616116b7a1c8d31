"""What was restored, and what a verification of a dump found."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from backup_actions.archive import VerificationReport
from backup_actions.dump.description import Server

Depth = Literal["bytes", "list", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as it was described, in words; the database is empty where it is of the whole server."""

    database: str
    what: str
    """``table "public"."orders"``, ``view public.totals``, ``account app``, ``section app-data-1``."""
    reason: str

    def __str__(self) -> str:
        """All of it on one line."""
        return f"{self.database}: {self.what}: {self.reason}" if self.database else f"{self.what}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseReport:
    """What was compared of one database, or restored to ``into``."""

    name: str
    into: str = ""
    """The database that it was loaded into; empty where it was not loaded."""
    tables: int
    rows: int
    objects: int
    not_proven: tuple[str, ...] = ()
    """What was left out because the server is not set up for it, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpReport:
    """``ok`` says that nothing is wrong with what was looked at, which ``depth`` tells."""

    location: str
    depth: Depth
    archive: VerificationReport
    sections_inspected: int
    """How many were read by the database's own program, without a server."""
    databases: tuple[DatabaseReport, ...]
    """Those that were loaded and compared."""
    differences: tuple[Difference, ...]
    more_differences: int
    """How many there are besides."""

    @property
    def not_proven(self) -> tuple[str, ...]:
        """What was left out of the databases, in sentences that name them."""
        return not_proven(self.databases)

    @property
    def ok(self) -> bool:
        """Whether no problem and no difference was found."""
        return self.archive.ok and not self.differences

    def to_json(self) -> dict[str, Any]:
        """Everything above, ready for ``json.dumps``: evidence."""
        return {**dataclasses.asdict(self), "archive": self.archive.to_json(), "ok": self.ok}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What was loaded; each database has been compared with its description."""

    location: str
    server: Server
    databases: tuple[DatabaseReport, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything above, ready for ``json.dumps``."""
        return dataclasses.asdict(self)


def not_proven(databases: Sequence[DatabaseReport]) -> tuple[str, ...]:
    """What was left out of these databases, in sentences that name them."""
    return tuple(f"database {each.name}: {sentence}" for each in databases for sentence in each.not_proven)
