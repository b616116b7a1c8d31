"""A server that is a folder, dumped by ``cat`` and loaded by ``grep``: what is around engines is tried with it.

A database is a folder. Its file ``definitions`` has a line for each table, its file ``rows`` a line for each row:
``schema TAB table TAB row``. A fault is a shell script that runs instead of the program of a section.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from backup_actions.dump.connection import Connection, Family
from backup_actions.dump.description import Database, DatabaseObject, RowChecksums, Section, Server, Table
from backup_actions.dump.programs import input_of, output_of
from backup_actions.errors import DatabaseUnreachable, DumpFailed, LoadFailed, TargetNotEmpty

ENGINE = "tests.dump.fake_engine:FakeEngine"
HOSTS: dict[str, Path] = {}
"""Folders by the names of hosts; another host is a folder itself."""


@dataclass(frozen=True)
class FakeServer:
    """The folder, for tests."""

    folder: Path

    @property
    def connection(self) -> Connection:
        """How the engine finds it."""
        return Connection(family="postgresql", host=str(self.folder), port=1, user="somebody", password="pass word")

    def fill(self, database: str, tables: dict[tuple[str, str], Sequence[str]]) -> None:
        """The database has these rows, and nothing else."""
        place = self.database(database)
        place.mkdir(parents=True)
        names = [f"{schema}\t{table}" for schema, table in tables]
        (place / "definitions").write_text("".join(f"{name}\n" for name in names))
        for member in ("0", "1"):
            rows = [f"{name}\t{row}" for name, key in zip(names, tables, strict=True) for row in tables[key]]
            (place / f"rows-{member}").write_text("".join(f"{row}\n" for row in rows[int(member) :: 2]))
        (place / "indexes").write_text("".join(f"index of {name}\n" for name in names))

    def database(self, name: str) -> Path:
        """Where a database is."""
        return self.folder / "databases" / quote(name, safe="")

    def fault(self, section: str, script: str) -> None:
        """This script runs instead of the section's program."""
        (self.folder / "faults").mkdir(exist_ok=True, parents=True)
        (self.folder / "faults" / section).write_text(script)

    def heal(self) -> None:
        """No section has a fault any more."""
        for script in (self.folder / "faults").iterdir():
            script.unlink()


class FakeEngine:
    """An Engine."""

    family: Family = "postgresql"
    file_suffix = "text"

    def server(self, to: Connection) -> Server:
        """Raises DatabaseUnreachable where the folder is gone."""
        if not _folder(to).is_dir():
            raise DatabaseUnreachable(where=to.host, reason="there is no such folder")
        version = _folder(to) / "version"
        return Server(family="postgresql", product="fake", version=version.read_text() if version.exists() else "1")

    def databases(self, to: Connection) -> tuple[str, ...]:
        return tuple(sorted(unquote(path.name) for path in (_folder(to) / "databases").iterdir()))

    def accounts(self, to: Connection) -> tuple[str, ...]:
        file = _folder(to) / "accounts"
        return tuple(sorted(set(file.read_text().split()))) if file.exists() else ()

    def outline(self, to: Connection, database: str) -> Database:
        described = _described(to, database, lambda _: None, 2)
        tables = tuple(replace(table, rows=0, checksum="") for table in described.tables)
        return replace(described, tables=tables, objects=())

    def row_checksums(self, server: Server) -> RowChecksums:
        return 2

    def describe(
        self,
        to: Connection,
        database: str,
        progress: Callable[[int], None],
        row_checksums: RowChecksums | None = None,
    ) -> Database:
        return _described(to, database, progress, row_checksums or 2)

    def notes(self, to: Connection, databases: Sequence[Database]) -> tuple[str, ...]:
        return ("it is not real",)

    def sections(self, server: Server, databases: Sequence[Database], streams: int) -> tuple[Section, ...]:
        sections = [Section(member="accounts", part="accounts", database="")]
        for number, each in enumerate(databases):
            keys = tuple((table.schema, table.name) for table in each.tables)
            sections += [
                Section(member=f"d{number}-before", part="before", database=each.name),
                Section(member=f"d{number}-rows-0", part="data", database=each.name, tables=keys, expected_bytes=1000),
                Section(member=f"d{number}-rows-1", part="data", database=each.name, tables=keys, expected_bytes=1000),
                Section(member=f"d{number}-after", part="after", database=each.name),
            ]
        return tuple(sections)

    @contextmanager
    def dumped(self, source: Connection, section: Section) -> Iterator[BinaryIO]:
        path = _file(source, section, section.database)
        path.touch()
        fault = _folder(source) / "faults" / section.member
        command = ["sh", str(fault), str(path)] if fault.exists() else ["cat", "--", str(path)]
        with output_of(command, lambda said: DumpFailed(what=section.member, reason=said)) as output:
            yield output

    def create(self, to: Connection, like: Database) -> None:
        if not self.is_empty(to, like.name):
            raise TargetNotEmpty(database=like.name, where=to.host)
        _place(to, like.name).mkdir(parents=True, exist_ok=True)

    def loading(
        self, to: Connection, section: Section, database: str, only: Sequence[tuple[str, str]] | None
    ) -> AbstractContextManager[BinaryIO]:
        path = _file(to, section, database)
        fault = _folder(to) / "faults" / f"load-{section.member}"
        patterns = "\n".join(f"{schema}\t{name}" for schema, name in only) if only is not None else ""
        command = [str(fault)] if fault.exists() else ["-c", 'grep -a -F -e "$0" >> "$1" || test $? = 1']
        return input_of(
            ["sh", *command, patterns, str(path)], lambda said: LoadFailed(what=section.member, reason=said)
        )

    def inspecting(self, section: Section) -> AbstractContextManager[BinaryIO]:
        return input_of(
            ["sh", "-c", "! grep -a '^broken' >&2"], lambda said: LoadFailed(what=section.member, reason=said)
        )

    def drop(self, to: Connection, database: str) -> None:
        place = _place(to, database)
        for file in place.iterdir() if place.exists() else ():
            file.unlink()
        if place.exists():
            place.rmdir()

    def is_empty(self, to: Connection, database: str) -> bool:
        place = _place(to, database)
        return not place.exists() or not any(place.iterdir())

    def keeps(self, database: str) -> bool:
        return database == "the server's"

    def require_programs(self, dumped_from: Server, target: Server) -> None:
        pass

    def objection(self, dumped_from: Server, target: Server) -> str:
        return "it is older" if target.version < dumped_from.version else ""


def _described(to: Connection, database: str, progress: Callable[[int], None], way: RowChecksums) -> Database:
    place = _place(to, database)
    rows: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for file in sorted(place.glob("rows-*")):
        for line in file.read_text().splitlines():
            schema, table, row = line.split("\t")
            rows[schema, table].append(row)
    definitions = (place / "definitions").read_text().splitlines() if (place / "definitions").exists() else []
    tables = []
    for line in definitions:
        schema, name = line.split("\t")
        content = sorted(rows[schema, name])
        checksum = hashlib.new({1: "sha1", 2: "sha256"}[way], "\n".join(content).encode()).hexdigest()
        tables.append(Table(schema=schema, name=name, rows=len(content), checksum=checksum, size_bytes=len(content)))
        progress(len(content))
    indexes = (place / "indexes").read_text().splitlines() if (place / "indexes").exists() else []
    return Database(
        name=database,
        character_set="UTF8",
        collation="C",
        size_bytes=sum(table.size_bytes for table in tables),
        tables=tuple(tables),
        objects=tuple(DatabaseObject(kind="index", name=line, sha256="0" * 64) for line in indexes),
    )


def _folder(to: Connection) -> Path:
    return HOSTS.get(to.host) or Path(to.host)


def _place(to: Connection, database: str) -> Path:
    return FakeServer(_folder(to)).database(database)


def _file(to: Connection, section: Section, database: str) -> Path:
    names = {"accounts": "accounts", "before": "definitions", "after": "indexes"}
    name = names.get(section.part) or "rows-" + section.member[-1]
    return _folder(to) / name if section.part == "accounts" else _place(to, database) / name
