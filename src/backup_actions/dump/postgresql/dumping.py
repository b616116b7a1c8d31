"""Sections, as pg_dump and pg_dumpall write them and as pg_restore reads them without a server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, cast

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Section
from backup_actions.dump.postgresql.accounts import require_complete
from backup_actions.dump.postgresql.contents import lacking
from backup_actions.dump.postgresql.definitions import listed, listing
from backup_actions.dump.postgresql.sections import is_rest
from backup_actions.dump.postgresql.session import (
    MAINTENANCE_DATABASE,
    Failed,
    conninfo,
    environment,
    major,
    program_failed,
    remedied,
    session,
    tool,
)
from backup_actions.dump.programs import input_of, output_of
from backup_actions.errors import DumpFailed, LoadFailed

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PARTS = {"before": "pre-data", "data": "data", "after": "post-data"}
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2"""


@contextmanager
def dumped(source: Connection, section: Section) -> Iterator[BinaryIO]:
    """What pg_dump writes of a database, pg_dumpall of the accounts: without passwords, which RDS shows to nobody."""

    def failed(said: str) -> DumpFailed:
        return DumpFailed(what=f"the section {section.member}", reason=remedied(said))

    with environment(source) as variables:
        command = _of_accounts(source, failed) if section.part == "accounts" else _of_database(source, section, failed)
        with output_of(command, program_failed(source, failed), environment=variables) as output:
            yield output


def written_schema(source: Connection, database: str, character_set: str, failed: Failed) -> str:
    """Every definition of a database as SQL, the database itself included."""
    encoding = [] if character_set == "SQL_ASCII" else ["--encoding=UTF8"]  # that one is bytes, and stays so
    command = [tool("pg_dump"), "--no-password", "--schema-only", "--create", *encoding]
    command.append(f"--dbname={conninfo(source, database)}")
    with (
        environment(source) as variables,
        output_of(command, program_failed(source, failed), environment=variables) as output,
    ):
        return output.read().decode(errors="backslashreplace")


@contextmanager
def inspecting(section: Section) -> Iterator[BinaryIO]:
    """Where to write a section. Raises LoadFailed unless it is whole and has the rows of all its tables."""

    def failed(said: str) -> LoadFailed:
        return LoadFailed(what=f"the section {section.member}", reason=said)

    if section.part == "accounts":
        text = io.BytesIO()
        yield text
        require_complete(text.getvalue(), failed)
        return
    with TemporaryDirectory(prefix="backup-actions-") as folder:
        listed_in = Path(folder) / "list"
        with (
            input_of([tool("pg_restore"), "--file=/dev/null"], failed) as reader,
            listing(listed_in, failed) as lister,
        ):
            yield cast("BinaryIO", Both(reader, lister))
        absent = lacking(listed(listed_in), section.tables)
        if absent:
            raise failed(f"it has no rows of {', '.join('.'.join(path) for path in absent)}")


class Both(io.RawIOBase):
    """What is written goes to two programs, of which the second may have had enough at any time."""

    def __init__(self, reader: BinaryIO, lister: BinaryIO) -> None:
        self._reader, self._lister = reader, lister
        self._listens = True

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Buffer) -> int:
        """Given to whoever still listens. Raises BrokenPipeError where the first has ended."""
        if self._listens:
            try:
                self._lister.write(data)
            except BrokenPipeError:
                self._listens = False
        self._reader.write(data)
        return memoryview(data).nbytes


def _of_accounts(source: Connection, failed: Failed) -> list[str]:
    program = tool("pg_dumpall", _version(source, failed))
    into = f"--dbname={conninfo(source, MAINTENANCE_DATABASE)}"
    return [program, "--no-password", "--globals-only", "--no-role-passwords", into]


def _of_database(source: Connection, section: Section, failed: Failed) -> list[str]:
    program = tool("pg_dump", _version(source, failed))
    return [
        program,
        "--no-password",
        "--format=custom",
        "--compress=0",
        f"--section={_PARTS[section.part]}",
        *(_rows(source, section, failed) if section.part == "data" else []),
        f"--dbname={conninfo(source, section.database)}",
    ]


def _rows(source: Connection, section: Section, failed: Failed) -> list[str]:
    """The section's tables; or, of the rest, everything but the tables that are in other sections."""
    if not is_rest(section):
        return ["--strict-names", *(f"--table={_pattern(path)}" for path in section.tables)]
    with session(source, section.database, failed) as asking:
        there = {(schema, name) for schema, name in asking.execute(_TABLES).fetchall()}
    return [f"--exclude-table-data={_pattern(path)}" for path in sorted(there.difference(section.tables))]


def _pattern(path: tuple[str, str]) -> str:
    """In quotes nothing has a meaning but quotes."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in path)


def _version(source: Connection, failed: Failed) -> int:
    with session(source, MAINTENANCE_DATABASE, failed) as asking:
        return major(asking.info.parameter_status("server_version") or "")
