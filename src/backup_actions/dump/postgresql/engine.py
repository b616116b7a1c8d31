"""PostgreSQL, as RDS and Aurora have it: dumped by pg_dump and pg_dumpall, loaded by pg_restore.

Needs PostgreSQL's programs in the server's version or a newer one; servers from 11 on. What the checksums of tables are
made of is in ``postgresql.row_sums``, what the hashes of objects in ``postgresql.objects``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO

from backup_actions.dump.connection import Connection, Family
from backup_actions.dump.description import Database, RowChecksums, Section, Server
from backup_actions.dump.postgresql import accounts as roles
from backup_actions.dump.postgresql import databases as catalog
from backup_actions.dump.postgresql import sections as division
from backup_actions.dump.postgresql.dumping import dumped, inspecting, written_schema
from backup_actions.dump.postgresql.left_out import LeftOut
from backup_actions.dump.postgresql.lending import may_read
from backup_actions.dump.postgresql.loading import Loading
from backup_actions.dump.postgresql.notes import notes
from backup_actions.dump.postgresql.objects import objects
from backup_actions.dump.postgresql.rows import outlined, tables
from backup_actions.dump.postgresql.session import MAINTENANCE_DATABASE, major, remedied, session, tool
from backup_actions.errors import DumpFailed, LoadFailed


class PostgreSqlEngine:
    """The engine of the family ``postgresql``."""

    family: Family = "postgresql"
    file_suffix = "pgdump"

    def __init__(self, left_out: LeftOut | None = None) -> None:
        self._left_out = left_out

    def for_proof(self) -> PostgreSqlEngine:
        """One that leaves out extensions which a server has to be set up for, where it is not."""
        return PostgreSqlEngine(LeftOut())

    def provable(self, expected: Database, found: Database) -> Database:
        """What was expected, without what was left out and what belongs to it."""
        return self._left_out.provable(expected, found) if self._left_out else expected

    def not_proven(self) -> tuple[str, ...]:
        """What was left out, and why."""
        return tuple(self._left_out.sentences()) if self._left_out else ()

    def server(self, to: Connection) -> Server:
        """What answers there."""
        with session(to, MAINTENANCE_DATABASE, _not_described("the server")) as asking:
            version = (asking.info.parameter_status("server_version") or "").split()[0]
        return Server(family=self.family, product="postgres", version=version)

    def databases(self, to: Connection) -> tuple[str, ...]:
        """Those of the customer; ``postgres`` is one where somebody has put something into it."""
        return catalog.customers(to, _not_described("the list of databases"))

    def accounts(self, to: Connection) -> tuple[str, ...]:
        """Every role that neither PostgreSQL nor RDS has made for itself."""
        with session(to, MAINTENANCE_DATABASE, _not_described("the list of roles")) as asking:
            return roles.names(asking)

    def outline(self, to: Connection, database: str) -> Database:
        """Its tables, by their sizes."""
        with session(to, database, _not_described(f"the database {database!r}")) as asking:
            may_read(asking)
            character_set, collation = catalog.locale(asking, database) or ("", "")
            tables = outlined(asking)
        return Database(
            name=database,
            character_set=character_set,
            collation=collation,
            size_bytes=sum(table.size_bytes for table in tables),
            tables=tables,
            objects=(),
        )

    def row_checksums(self, server: Server) -> RowChecksums:
        """The second way, which every server knows that is dumped."""
        return 2

    def describe(
        self,
        to: Connection,
        database: str,
        progress: Callable[[int], None],
        row_checksums: RowChecksums | None = None,
    ) -> Database:
        """Everything that is in the database, counted and hashed.

        Whoever is no superuser becomes a member of the roles that own it, here and in ``loading``: RDS's master user
        could not read all tables nor give any away.
        """
        failed = _not_described(f"the database {database!r}")
        with session(to, database, failed) as asking:
            may_read(asking)
            locale = catalog.locale(asking, database)
            ((size_bytes,),) = asking.execute("SELECT pg_database_size(current_database())").fetchall()
            character_set, collation = locale or ("", "")
            return Database(
                name=database,
                character_set=character_set,
                collation=collation,
                size_bytes=size_bytes,
                tables=tables(asking, row_checksums or 2, progress),
                objects=objects(asking, written_schema(to, database, character_set, failed)),
            )

    def notes(self, to: Connection, databases: Sequence[Database]) -> tuple[str, ...]:
        """What a dump of these cannot hold, and what it needs where it is loaded."""
        return notes(to, databases, _not_described("the server"))

    def sections(self, server: Server, databases: Sequence[Database], streams: int) -> tuple[Section, ...]:
        """The accounts, and of each database its definitions and its rows."""
        return division.sections(databases, streams)

    @contextmanager
    def dumped(self, source: Connection, section: Section) -> Iterator[BinaryIO]:
        """What pg_dump or pg_dumpall writes."""
        with dumped(source, section) as output:
            yield output

    def create(self, to: Connection, like: Database) -> None:
        """An empty database like that one. Extensions are there already where a dump would make another version."""
        catalog.create(to, like, self._left_out)

    @contextmanager
    def loading(
        self, to: Connection, section: Section, database: str, only: Sequence[tuple[str, str]] | None
    ) -> Iterator[BinaryIO]:
        """Where to write a section, which is loaded when the ``with`` is left."""
        if section.part == "accounts":
            with _accounts(to, self._left_out) as writer:
                yield writer
            return
        loading = Loading(to, database, _not_loaded(f"{section.member} into {database!r}"), self._left_out)
        ways = {"before": loading.before_rows, "data": loading.rows, "after": loading.after_rows}
        with ways[section.part](only) as writer:
            yield writer

    @contextmanager
    def inspecting(self, section: Section) -> Iterator[BinaryIO]:
        """Where to write a section, to be read to its end by pg_restore, without a server."""
        with inspecting(section) as writer:
            yield writer

    def drop(self, to: Connection, database: str) -> None:
        """The database is gone, and with it whoever was connected to it."""
        catalog.drop(to, database)

    def is_empty(self, to: Connection, database: str) -> bool:
        """Whether it has nothing but what a new database has."""
        return catalog.is_empty(to, database, _not_described(f"the database {database!r}"))

    def keeps(self, database: str) -> bool:
        """Also the one for maintenance: without it nobody would get in any more to make it again."""
        return catalog.is_kept(database)

    def require_programs(self, dumped_from: Server, target: Server) -> None:
        """pg_restore reads what a pg_dump of its own version or an older one wrote."""
        tool("pg_restore", major(dumped_from.version))

    def objection(self, dumped_from: Server, target: Server) -> str:
        """A dump goes into the same version of PostgreSQL or a newer one."""
        if major(target.version) < major(dumped_from.version):
            return f"it is PostgreSQL {target.version}, and the dump was taken from {dumped_from.version}"
        return ""


@contextmanager
def _accounts(to: Connection, left_out: LeftOut | None) -> Iterator[BinaryIO]:
    buffer = BytesIO()
    yield buffer
    failed = _not_loaded("the accounts")
    with session(to, MAINTENANCE_DATABASE, failed) as asking:
        try:
            roles.load(asking, buffer.getvalue().decode(), left_out)
        except ValueError as broken:
            raise failed(str(broken)) from broken


def _not_described(what: str) -> Callable[[str], DumpFailed]:
    return lambda said: DumpFailed(what=what, reason=remedied(said))


def _not_loaded(what: str) -> Callable[[str], LoadFailed]:
    return lambda said: LoadFailed(what=what, reason=said)
