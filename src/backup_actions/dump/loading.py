"""Sections of a stored dump into a database, in order; the rows of several tables at the same time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from typing import BinaryIO

from backup_actions.dump.comparison import TableKey
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, Section
from backup_actions.dump.engine import Engine, LeavesOut, ProvingEngine
from backup_actions.dump.stored import StoredDump
from backup_actions.dump.together import all_together
from backup_actions.errors import DumpFailed, LoadFailed
from backup_actions.model.progress import Progress


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads from one dump into one server. Memory: that of a FrameReader for each stream."""

    source: StoredDump
    engine: Engine
    to: Connection
    streams: int
    progress: Progress
    proof: ProvingEngine | None = None
    """The engine, where it leaves out what the server is not set up for."""

    def for_proof(self) -> Loader:
        """The same for one database, or for the accounts, of which nothing but a proof is wanted."""
        if not isinstance(self.engine, LeavesOut):
            return self
        proof = self.engine.for_proof()
        return replace(self, engine=proof, proof=proof)

    def provable(self, expected: Database, found: Database) -> Database:
        """What has to be found of what was expected."""
        return self.proof.provable(expected, found) if self.proof else expected

    def not_proven(self) -> tuple[str, ...]:
        """What was left out, and why, once the rest was compared."""
        return self.proof.not_proven() if self.proof else ()

    def accounts(self) -> None:
        """Roles or users are there; those that were there are as they were. Raises LoadFailed."""
        self.progress.start("accounts", None)
        for section in self.source.sections("", "accounts"):
            self._load([section], "", None)

    def database(self, name: str, into: str, only: Collection[TableKey] | None = None) -> None:
        """All of a database, or these tables of it, are in an empty one. Raises LoadFailed, ArchiveDamaged."""
        self.tables(name, into, only)
        self.rest(name, into, only)

    def tables(self, name: str, into: str, only: Collection[TableKey] | None = None) -> None:
        """Its tables, or these of them, are in an empty one, with their rows. Raises LoadFailed, ArchiveDamaged."""
        chosen = None if only is None else sorted(only)
        self.progress.start(f"{name}: load", self.source.stream_bytes(name))
        for section in self.source.sections(name, "before"):
            self._load([section], into, chosen)
        self._load([each for each in self.source.sections(name, "data") if _concerns(each, only)], into, chosen)

    def rest(self, name: str, into: str, only: Collection[TableKey] | None = None) -> None:
        """What comes after rows is there too: it may look into other databases. Raises LoadFailed, ArchiveDamaged."""
        for section in self.source.sections(name, "after"):
            self._load([section], into, None if only is None else sorted(only))

    def describe(self, database: str, like: Database) -> Database:
        """What is in it now. Raises LoadFailed where that cannot be told."""
        self.progress.start(f"{like.name}: compare", sum(table.size_bytes for table in like.tables) or None)
        try:
            return self.engine.describe(self.to, database, self.progress.add, self.source.description.row_checksums)
        except DumpFailed as failure:
            reason = f"what is there now cannot be told: {failure.facts['reason']}"
            raise LoadFailed(what=failure.facts["what"], reason=reason) from failure

    def _load(self, sections: Sequence[Section], into: str, only: Sequence[TableKey] | None) -> None:
        """These sections are loaded, at the same time."""

        def load(section: Section) -> None:
            pour(self.source, section, self.engine.loading(self.to, section, into, only), self.progress)

        all_together(load, sections, at_a_time=self.streams)


def pour(source: StoredDump, section: Section, into: AbstractContextManager[BinaryIO], progress: Progress) -> None:
    """All of a section's content has gone into what is opened here. Raises ArchiveDamaged, and what that raises."""
    with into as pipe, closing(source.content(section)) as content:
        for piece in content:
            pipe.write(piece)
            progress.add(len(piece))


def _concerns(section: Section, only: Collection[TableKey] | None) -> bool:
    """Whether rows that are wanted may be in it: it has such a table, or what belongs to no table."""
    return only is None or not section.tables or not set(only).isdisjoint(section.tables)
