"""Sections as programs write them, MySQL's or MariaDB's and our own: one or several runs, one after the other.

Every section ends with a line of ours, a comment, by which it is known to be whole.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Section, Server, Table
from backup_actions.dump.mysql.accounts import account_script, object_grants
from backup_actions.dump.mysql.objects import Inventory, inventory, views_in_order
from backup_actions.dump.mysql.programs import dump_program, dumps_as_mariadb
from backup_actions.dump.mysql.row_program import is_readable, row_program, row_script, rows_read
from backup_actions.dump.mysql.row_sums import Sum
from backup_actions.dump.mysql.rows import TableShape, as_double, shapes
from backup_actions.dump.mysql.session import Session, session
from backup_actions.dump.mysql.stored import script, stored_program
from backup_actions.dump.mysql.text import quoted
from backup_actions.errors import DumpFailed

Opened = Callable[[], AbstractContextManager[BinaryIO]]

# Nobody writes to the server, and each run sees one moment of it. A dump drops nothing where it is loaded.
_ALWAYS = (
    "--single-transaction", "--skip-lock-tables", "--skip-add-locks", "--quick", "--skip-dump-date",
    "--skip-add-drop-table",
)  # fmt: skip
_DEFINITIONS = (*_ALWAYS, "--no-data", "--skip-triggers")
_NO_TABLES = (*_ALWAYS, "--no-data", "--no-create-info")
_ROWS = (*_ALWAYS, "--no-create-info", "--skip-triggers")
_NAMES_OF_A_RUN = 500
"""A command line holds 2 MiB; a name has up to 256 bytes."""


def trailer(section: Section) -> bytes:
    """The last line of a section."""
    return f"-- End of {section.member}\n".encode()


@contextmanager
def dumped(source: Connection, section: Section, told: Callable[[Table], None]) -> Iterator[BinaryIO]:
    """A section's content; ``told`` hears of each table that was summed up on the way, its bytes being unknown.

    Raises DumpFailed, DatabaseUnreachable, ToolMissing.
    """
    what = f"section {section.member}"
    with session(source, partial(_failed, what), section.database) as asked:
        runs = _Runs(source, asked, section, told, partial(_failed, what)).all()
    with ExitStack() as running:
        chain = _Chain([*runs, lambda: _text(trailer(section))], running)
        yield cast("BinaryIO", io.BufferedReader(chain, 1 << 18))


class _Runs:
    """What has to run for a section, found out while there is a session."""

    def __init__(
        self,
        source: Connection,
        asked: Session,
        section: Section,
        told: Callable[[Table], None],
        failed: Callable[[str], DumpFailed],
    ) -> None:
        self._source, self._asked, self._section, self._told, self._failed = source, asked, section, told, failed
        self._server: Server = asked.server
        # MySQL's program leaves out generated columns, MariaDB's reads them and lets the target ignore them.
        self._reads_all_columns = dumps_as_mariadb(asked.server)

    def all(self) -> list[Opened]:
        """In their order."""
        match self._section.part:
            case "accounts":
                return [partial(_text, account_script(self._asked).encode())]
            case "before":
                return self._before(inventory(self._asked, self._section.database))
            case "data":
                return self._data()
            case "after":
                return self._after(inventory(self._asked, self._section.database))

    def _before(self, found: Inventory) -> list[Opened]:
        names = (*found.sequences, *found.tables)
        return self._batches(_DEFINITIONS, names) or [self._run(_NO_TABLES, "--skip-triggers")]

    def _data(self) -> list[Opened]:
        """Rows: of most tables of MariaDB as our own program reads them. The dump programs read tables that need the
        same options together, and each with floats by itself.
        """
        wanted = {name for _, name in self._section.tables}
        found = {shape.name: shape for shape in shapes(self._asked, self._section.database) if shape.name in wanted}
        if missing := sorted(wanted - found.keys()):
            raise self._failed(f"there is no table {missing[0]}")
        if self._server.product == "mysql" and self._reads_all_columns:
            self._refuse_generated(found.values())
        program = row_program()
        read = {name: shape for name, shape in found.items() if program and is_readable(self._server, shape)}
        left = [shape for name, shape in found.items() if name not in read]
        alike: dict[tuple[str, ...], list[str]] = {}
        for shape in left:
            if not shape.has_floats:
                alike.setdefault(self._options(shape), []).append(shape.name)
        return [
            *([self._read(program, tuple(read.values()))] if program and read else []),
            *(run for options, names in alike.items() for run in self._batches(options, names)),
            *(self._with_floats(shape) for shape in left if shape.has_floats),
        ]

    def _read(self, program: Path, tables: Sequence[TableShape]) -> Opened:
        script = row_script(self._source, self._asked, self._section.database, tables)

        def told(name: str, found: Sum) -> None:
            self._told(Table(schema="", name=name, rows=found.rows, checksum=str(found.total), size_bytes=0))

        return partial(rows_read, program, script, self._source, told, self._failed)

    def _refuse_generated(self, tables: Iterable[TableShape]) -> None:
        """MariaDB's program gives generated columns values, and MySQL takes none.

        https://jira.mariadb.org/browse/MDEV-32362
        """
        for table in tables:
            if any(column.is_generated for column in table.columns):
                raise self._failed(f"the table {table.name} has generated columns: only mysqldump, of MySQL, dumps it")

    def _options(self, shape: TableShape) -> tuple[str, ...]:
        # Bytes as they lie in MariaDB, of whatever character set. MySQL makes no JSON of what has none.
        binary = self._asked.is_mariadb and shape.is_binary_safe
        return (
            *_ROWS,
            "--default-character-set=binary" if binary else "--hex-blob",
            *(["--dump-history"] if shape.history else []),
        )

    def _with_floats(self, shape: TableShape) -> Opened:
        """A server shows six digits of a FLOAT. A union with no rows of DOUBLE makes it show all there are."""
        columns = [
            as_double(self._server, column.name) if column.kind == "float" else quoted(column.name)
            for column in shape.columns
            if self._reads_all_columns or not column.is_generated
        ]
        past, times = (" FOR SYSTEM_TIME ALL", shape.row_times) if shape.history else ("", ())
        none = f"SELECT {', '.join((*columns, *times))} FROM {quoted(shape.name)}{past} WHERE 0"  # noqa: S608 - names are quoted
        return self._run(self._options(shape), f"--where=1 UNION ALL {none}", names=(shape.name,))

    def _after(self, found: Inventory) -> list[Opened]:
        """Views may need routines; events come last, so that none fires before all it may need is there."""
        routines = [(kind, name) for kind, name in found.routines if kind != "PACKAGE BODY"]
        bodies = [(kind, name) for kind, name in found.routines if kind == "PACKAGE BODY"]
        grants = object_grants(self._asked, self._section.database).encode()
        return [
            self._stored([*routines, *bodies]),
            *self._batches(_DEFINITIONS, views_in_order(self._asked, self._section.database, found.views)),
            self._stored([("TRIGGER", name) for name in found.triggers]),
            partial(_text, grants),
            self._stored([("EVENT", name) for name in found.events]),
        ]

    def _stored(self, names: Sequence[tuple[str, str]]) -> Opened:
        """SQL that makes routines, triggers or events."""
        (collation,) = self._asked.first("SELECT @@collation_database")
        programs = (stored_program(self._asked, kind, self._section.database, name) for kind, name in names)
        return partial(_text, script(programs, collation))

    def _batches(self, options: Sequence[str], names: Sequence[str]) -> list[Opened]:
        starts = range(0, len(names), _NAMES_OF_A_RUN)
        return [self._run(options, names=names[start : start + _NAMES_OF_A_RUN]) for start in starts]

    def _run(self, options: Sequence[str], *more: str, names: Sequence[str] = ()) -> Opened:
        command = (*options, *more, "--", self._section.database, *names)
        return partial(dump_program, self._source, self._server, command, self._failed)


class _Chain(io.RawIOBase):
    """What several runs write, one after the other; each has ended well before the next one begins."""

    def __init__(self, runs: Sequence[Opened], running: ExitStack) -> None:
        self._runs = list(runs)
        self._running = running
        self._output = running.enter_context(self._runs.pop(0)())

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, into: object) -> int:
        """As many bytes as there are, none at the very end."""
        while not (length := cast("io.BufferedIOBase", self._output).readinto(into)):  # type: ignore[arg-type] # a buffer
            if not self._runs:
                return 0
            self._running.pop_all().close()
            self._output = self._running.enter_context(self._runs.pop(0)())
        return length


@contextmanager
def _text(content: bytes) -> Iterator[BinaryIO]:
    yield io.BytesIO(content)


def _failed(what: str, words: str) -> DumpFailed:
    return DumpFailed(what=what, reason=words)
