"""What an engine has to do, whatever its product. ``tests/dump/engine_contract.py`` holds each of them to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol, runtime_checkable

from backup_actions.dump.connection import Connection, Family
from backup_actions.dump.description import Database, RowChecksums, Section, Server, Table


class Engine(Protocol):
    """One family of servers, spoken to with its own programs. Knows no state: everything is in the connection.

    Every method raises DatabaseUnreachable where nobody answers or the password is wrong, ToolMissing where a program
    is not installed or too old for the server, and DumpFailed or LoadFailed with what the program said.

    Programs are started by ``programs.output_of`` and ``programs.input_of``, so that whoever is interrupted ends them.
    Names come from servers and from documents that anybody may have written: any text but NUL, also one that looks
    like an option, a connection string or SQL.
    """

    family: Family
    file_suffix: str
    """Of a section's file, as its own programs expect it: ``pgdump``, ``sql``."""

    def server(self, to: Connection) -> Server:
        """What answers there."""
        ...

    def databases(self, to: Connection) -> tuple[str, ...]:
        """Those of the customer, in the order of their names; not the server's own."""
        ...

    def accounts(self, to: Connection) -> tuple[str, ...]:
        """Roles or users of the customer's; not the server's own nor RDS's."""
        ...

    def outline(self, to: Connection, database: str) -> Database:
        """At once what ``sections`` needs: all tables with their sizes, rows 0, an empty checksum; no objects."""
        ...

    def row_checksums(self, server: Server) -> RowChecksums:
        """The way in which rows are summed up best there; the server's later versions know it too."""
        ...

    def describe(
        self,
        to: Connection,
        database: str,
        progress: Callable[[int], None],
        row_checksums: RowChecksums | None = None,
    ) -> Database:
        """Count and hash everything that is in a database now. ``progress`` is told the bytes of each table done.

        Rows are summed up in the way in which those were that they are compared with; by default in the best one.
        It may take as long as dumping does, and runs at the same time. What ``progress`` raises, it raises.
        """
        ...

    def notes(self, to: Connection, databases: Sequence[Database]) -> tuple[str, ...]:
        """What somebody who restores should know, in sentences."""
        ...

    def sections(self, server: Server, databases: Sequence[Database], streams: int) -> tuple[Section, ...]:
        """How the dump of outlined databases is divided, so that ``streams`` sections can run at a time."""
        ...

    def dumped(self, source: Connection, section: Section) -> AbstractContextManager[BinaryIO]:
        """What the dump program writes, read to its end. Left early, it is ended; left in good order, it succeeded."""
        ...

    def create(self, to: Connection, like: Database) -> None:
        """An empty database of that name, character set and collation. Raises TargetNotEmpty where one has content."""
        ...

    def loading(
        self, to: Connection, section: Section, database: str, only: Sequence[tuple[str, str]] | None
    ) -> AbstractContextManager[BinaryIO]:
        """Where to write a section's content so that it gets into ``database``; ``only`` these tables of it, or all.

        In good order everything is loaded when the ``with`` is left. Of accounts, those that exist stay as they are.
        """
        ...

    def inspecting(self, section: Section) -> AbstractContextManager[BinaryIO]:
        """Where to write a section's content so that it is read to its end, without a server.

        Left in good order, it is whole and has every table that the section names. Raises LoadFailed.
        """
        ...

    def drop(self, to: Connection, database: str) -> None:
        """The database is gone, also if it was not there, and whoever was connected to it is not any more."""
        ...

    def is_empty(self, to: Connection, database: str) -> bool:
        """Whether nothing of the customer's is in it; True also of one that does not exist."""
        ...

    def keeps(self, database: str) -> bool:
        """Whether the server needs a database of that name for itself: ``drop`` refuses it, with LoadFailed."""
        ...

    def require_programs(self, dumped_from: Server, target: Server) -> None:
        """Raise ToolMissing where no program is there that would load such a dump."""
        ...

    def objection(self, dumped_from: Server, target: Server) -> str:
        """Why that server should not be given such a dump, in a sentence; empty if nothing speaks against it."""
        ...


class ProvingEngine(Engine, Protocol):
    """An engine through which one database is loaded to prove a dump, without what the server is not set up for."""

    def provable(self, expected: Database, found: Database) -> Database:
        """What was expected, without what was left out and what belongs to it: nothing else is missing from it."""
        ...

    def not_proven(self) -> tuple[str, ...]:
        """What was left out, and why, in sentences without a full stop, once the rest was compared."""
        ...


@runtime_checkable
class LeavesOut(Protocol):
    """What an engine has besides whose servers may hold what they cannot make anew without being set up for it."""

    def for_proof(self) -> ProvingEngine:
        """Such an engine for one database, or for the accounts."""
        ...


@runtime_checkable
class ReadsOnce(Protocol):
    """What an engine has besides whose server sends the sum of each row along while it is dumped.

    The rows of such tables are not read a second time to sum them up; they are still counted by the server itself.
    """

    def summed_up_when_dumped(self, source: Connection, database: str, row_checksums: RowChecksums) -> frozenset[str]:
        """The tables of which ``dumped_and_summed_up`` tells the sum in that way."""
        ...

    def dumped_and_summed_up(
        self, source: Connection, section: Section, told: Callable[[Table], None]
    ) -> AbstractContextManager[BinaryIO]:
        """As ``dumped``. When it is left in good order, ``told`` has heard of each such table of the section."""
        ...

    def describe_others(
        self,
        to: Connection,
        database: str,
        progress: Callable[[int], None],
        row_checksums: RowChecksums,
        known: frozenset[str],
    ) -> Database:
        """As ``describe``; of the known tables the rows are counted only, and their checksum is empty."""
        ...
