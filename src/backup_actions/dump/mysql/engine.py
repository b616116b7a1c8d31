"""MySQL and MariaDB: described by their driver, dumped and loaded by their own programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import BinaryIO

import pymysql

from backup_actions.dump.connection import Connection, Family
from backup_actions.dump.description import Database, DatabaseObject, RowChecksums, Section, Server, Table
from backup_actions.dump.mysql.accounts import accounts
from backup_actions.dump.mysql.counting import counted
from backup_actions.dump.mysql.dumping import dumped
from backup_actions.dump.mysql.loading import inspecting, loading
from backup_actions.dump.mysql.notes import notes
from backup_actions.dump.mysql.objects import inventory, objects, running_events
from backup_actions.dump.mysql.programs import require_client
from backup_actions.dump.mysql.row_program import is_readable, row_program
from backup_actions.dump.mysql.row_sums import best_way
from backup_actions.dump.mysql.rows import shapes
from backup_actions.dump.mysql.sections import sections
from backup_actions.dump.mysql.session import Session, session, version_number
from backup_actions.dump.mysql.text import quoted
from backup_actions.errors import DumpFailed, LoadFailed, TargetNotEmpty

_OF_THE_SERVER = frozenset({"mysql", "sys", "performance_schema", "rdsadmin"})
_MOST_NAMED = 5
_FOLDERS_OF_THE_SERVER = frozenset({"innodb", "tmp"})
"""RDS keeps files in them, which makes databases without anything in them; a customer's may be called so too."""


class MySqlEngine:
    """MySQL, MariaDB, and Aurora where it is compatible with MySQL."""

    family: Family = "mysql"
    file_suffix = "sql"

    def server(self, to: Connection) -> Server:
        """What answers there."""
        with session(to, partial(_not_described, "the server")) as asked:
            return asked.server

    def databases(self, to: Connection) -> tuple[str, ...]:
        """Those that are not the server's own."""
        with session(to, partial(_not_described, "the server")) as asked:
            names = (name for (name,) in asked.rows("SHOW DATABASES"))
            return tuple(sorted(name for name in names if not _is_the_servers(asked, name)))

    def accounts(self, to: Connection) -> tuple[str, ...]:
        """Users as ``name@host``, and roles."""
        with session(to, partial(_not_described, "the accounts")) as asked:
            return tuple(account.label for account in accounts(asked))

    def outline(self, to: Connection, database: str) -> Database:
        """Its tables, by the sizes that the server keeps. Raises DumpFailed while events of any database run."""
        with session(to, partial(_not_described, f"the database {database!r}"), database) as asked:
            if events := running_events(asked):
                raise _not_described(
                    "the server",
                    f"its scheduler runs events while the dump is made ({', '.join(events[:_MOST_NAMED])}): "
                    "SET GLOBAL event_scheduler = OFF first",
                )
            tables = (
                Table(schema="", name=shape.name, rows=0, checksum="", size_bytes=shape.size_bytes)
                for shape in shapes(asked, database)
            )
            return _database(asked, database, tuple(tables), ())

    def row_checksums(self, server: Server) -> RowChecksums:
        """The third way where the server knows it."""
        return best_way(server)

    def describe(
        self,
        to: Connection,
        database: str,
        progress: Callable[[int], None],
        row_checksums: RowChecksums | None = None,
    ) -> Database:
        """Rows are counted and summed up by the server; see ``mysql.row_sums`` and ``mysql.objects``."""
        return self.describe_others(to, database, progress, row_checksums, frozenset())

    def describe_others(
        self,
        to: Connection,
        database: str,
        progress: Callable[[int], None],
        row_checksums: RowChecksums | None,
        known: frozenset[str],
    ) -> Database:
        """The known tables are counted only."""
        failed = partial(_not_described, f"the database {database!r}")
        with session(to, failed, database) as asked:
            way = row_checksums or best_way(asked.server)
            tables = counted(to, failed, database, shapes(asked, database), way, progress, known)
            return _database(asked, database, tables, objects(asked, database))

    def summed_up_when_dumped(self, source: Connection, database: str, row_checksums: RowChecksums) -> frozenset[str]:
        """Those that our own program reads: it is sent the third sum."""
        with session(source, partial(_not_described, f"the database {database!r}"), database) as asked:
            found = shapes(asked, database) if row_program() and row_checksums == 3 else ()
            return frozenset(shape.name for shape in found if is_readable(asked.server, shape))

    def notes(self, to: Connection, databases: Sequence[Database]) -> tuple[str, ...]:
        """Sentences."""
        with session(to, partial(_not_described, "the server")) as asked:
            return notes(asked, [database.name for database in databases])

    def sections(self, server: Server, databases: Sequence[Database], streams: int) -> tuple[Section, ...]:
        """See ``mysql.sections``."""
        return sections(databases, streams)

    def dumped(self, source: Connection, section: Section) -> AbstractContextManager[BinaryIO]:
        """SQL; see ``mysql.dumping``."""
        return dumped(source, section, lambda _: None)

    def dumped_and_summed_up(
        self, source: Connection, section: Section, told: Callable[[Table], None]
    ) -> AbstractContextManager[BinaryIO]:
        """The same."""
        return dumped(source, section, told)

    def create(self, to: Connection, like: Database) -> None:
        """The database is there and empty. Raises TargetNotEmpty."""
        with session(to, partial(_not_loaded, f"the database {like.name!r}")) as asked:
            if not inventory(asked, like.name).is_empty:
                raise TargetNotEmpty(database=like.name, where=to.address)
            defaults = f"CHARACTER SET {quoted(like.character_set)} COLLATE {quoted(like.collation)}"
            asked.rows(f"CREATE DATABASE IF NOT EXISTS {quoted(like.name)} {defaults}")
            asked.rows(f"ALTER DATABASE {quoted(like.name)} {defaults}")

    def loading(
        self, to: Connection, section: Section, database: str, only: Sequence[tuple[str, str]] | None
    ) -> AbstractContextManager[BinaryIO]:
        """Where to write SQL. Tables alone come without triggers."""
        return loading(to, section, database, only)

    def inspecting(self, section: Section) -> AbstractContextManager[BinaryIO]:
        """Where to write SQL to have it looked through."""
        return inspecting(section)

    def drop(self, to: Connection, database: str) -> None:
        """The database is gone, and with it the connections to it that we may end."""
        if self.keeps(database):
            raise _not_loaded(f"the database {database!r}", "it is the server's own, and is not dropped")
        with session(to, partial(_not_loaded, f"the database {database!r}")) as asked:
            for number, used in asked.rows("SELECT id, db FROM information_schema.processlist"):
                if used == database:
                    with suppress(pymysql.MySQLError):  # it has ended by itself, or is of somebody who may not be ended
                        asked.rows(f"KILL {int(number)}")
            asked.rows("SET SESSION foreign_key_checks = 0")
            asked.rows(f"DROP DATABASE IF EXISTS {quoted(database)}")

    def is_empty(self, to: Connection, database: str) -> bool:
        """Whether it has neither tables nor views, routines or events."""
        with session(to, partial(_not_loaded, f"the database {database!r}")) as asked:
            return inventory(asked, database).is_empty

    def keeps(self, database: str) -> bool:
        """Whatever its case: some servers tell none apart."""
        return database.lower() in _OF_THE_SERVER | {"information_schema"}

    def require_programs(self, dumped_from: Server, target: Server) -> None:
        """The client carries out what a dump says."""
        require_client(target)

    def objection(self, dumped_from: Server, target: Server) -> str:
        """The other product, or an older release."""
        if _kin(target.product) != _kin(dumped_from.product):
            return f"it is {target.product}, and the dump is of {dumped_from.product}"
        if version_number(target.version)[:2] < version_number(dumped_from.version)[:2]:
            return f"it has version {target.version}, and the dump is of {dumped_from.version}"
        return ""


def _kin(product: str) -> str:
    """MySQL, for what RDS calls Aurora."""
    return product if product == "mariadb" else "mysql"


def _is_the_servers(asked: Session, name: str) -> bool:
    """Upper case makes another database of a name where the server tells cases apart; of this one nowhere."""
    if name in _FOLDERS_OF_THE_SERVER:
        return inventory(asked, name).is_empty
    return name in _OF_THE_SERVER or name.lower() == "information_schema"


def _database(asked: Session, name: str, tables: tuple[Table, ...], found: tuple[DatabaseObject, ...]) -> Database:
    character_set, collation = asked.first("SELECT @@character_set_database, @@collation_database")
    return Database(
        name=name,
        character_set=character_set,
        collation=collation,
        size_bytes=sum(table.size_bytes for table in tables),
        tables=tables,
        objects=found,
    )


def _not_described(what: str, words: str) -> DumpFailed:
    return DumpFailed(what=what, reason=words)


def _not_loaded(what: str, words: str) -> LoadFailed:
    return LoadFailed(what=what, reason=words)
