"""What a dump holds, counted and hashed where it was taken, so that what is restored from it can be compared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Self

from backup_actions.dump.connection import Family
from backup_actions.errors import ManifestUnreadable
from backup_actions.model.sealed_json import check_values, sealed, unsealed

DESCRIPTION_NAME = "dump.json"
FORMAT = "backup-actions/dump"
FORMAT_VERSION = 1

RowChecksums = Literal[1, 2, 3]
"""Which of an engine's ways to sum up rows. Dumps that do not say it have the first."""

Part = Literal["accounts", "before", "data", "after"]
"""In the order in which they are loaded; sections of ``data`` may be loaded at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A product and its version, in the words of RDS (postgres, mysql, mariadb) and of the server itself."""

    family: Family
    product: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table's rows, counted, and a checksum of their content in which their order does not matter.

    Each engine says in its docstring what the checksum is made of: anybody can compute it in SQL, years later.
    """

    schema: str
    """Empty where databases have no schemas (MySQL, MariaDB)."""
    name: str
    rows: int
    checksum: str
    size_bytes: int = 0
    """What it occupies, by which work is divided; not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseObject:
    """Something else than rows: a table's definition, a view, a function, a trigger, a policy, a grant."""

    kind: str
    name: str
    sha256: str
    """Of its definition, as the server tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One database of a server."""

    name: str
    character_set: str
    collation: str
    size_bytes: int
    tables: tuple[Table, ...]
    objects: tuple[DatabaseObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one run of a dump program wrote: one member of the archive."""

    member: str
    """Lower case letters and digits in groups, with single hyphens between them, other than any other section's."""
    part: Part
    database: str
    """Empty for the accounts, which belong to the whole server."""
    tables: tuple[tuple[str, str], ...] = ()
    """Schema and name of each table whose rows are in it."""
    expected_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpDescription:
    """The document ``dump.json``."""

    server: Server
    accounts: tuple[str, ...]
    """Roles or users, without their passwords."""
    databases: tuple[Database, ...]
    sections: tuple[Section, ...]
    row_checksums: RowChecksums = 1
    notes: tuple[str, ...] = ()
    """What a reader should know: extensions that a target needs, accounts without a password, events that were on."""
    format: str = FORMAT
    format_version: int = FORMAT_VERSION

    def to_bytes(self) -> bytes:
        """The document as it is stored: JSON for people too, with a hash over all the rest of it."""
        return sealed(dataclasses.asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raise ManifestUnreadable for anything that is not a description of a known version."""
        try:
            raw = unsealed(data, form=FORMAT, version=FORMAT_VERSION)
            description = cls(
                **{
                    **raw,
                    "server": Server(**raw["server"]),
                    "accounts": tuple(raw["accounts"]),
                    "databases": tuple(map(_database, raw["databases"])),
                    "sections": tuple(map(_section, raw["sections"])),
                    "notes": tuple(raw["notes"]),
                }
            )
            check_values(description)
            _check_names(description)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as wrong:
            raise ManifestUnreadable(reason=f"{DESCRIPTION_NAME}: {type(wrong).__name__}: {wrong}") from wrong
        return description


def _database(raw: dict[str, Any]) -> Database:
    tables = tuple(Table(**table) for table in raw["tables"])
    return Database(**{**raw, "tables": tables, "objects": tuple(DatabaseObject(**one) for one in raw["objects"])})


def _section(raw: dict[str, Any]) -> Section:
    return Section(**{**raw, "tables": tuple((schema, name) for schema, name in raw["tables"])})


def _check_names(description: DumpDescription) -> None:
    """Raise ValueError where names could be confused, or refer to what is not there."""
    if description.row_checksums == 3 and description.server.family != "mysql":
        raise ValueError(f"row_checksums is 3, a way that {description.server.family} has not")
    tables = {each.name: {(table.schema, table.name) for table in each.tables} for each in description.databases}
    if len(tables) != len(description.databases) or "" in tables:
        raise ValueError(f"its databases are {[each.name for each in description.databases]}")
    members = [section.member for section in description.sections]
    if len(set(members)) != len(members):
        raise ValueError(f"its sections are {members}")
    for section in description.sections:
        if (section.part == "accounts") != (section.database == "") or section.database not in {"", *tables}:
            raise ValueError(f"{section.member} is of the database {section.database!r}")
        if unknown := set(section.tables) - tables.get(section.database, set()):
            raise ValueError(f"{section.member} has tables that are not in {section.database!r}: {sorted(unknown)[:3]}")
    names = [*tables, *description.accounts, *(part for each in tables.values() for table in each for part in table)]
    if any("\0" in name for name in names):
        raise ValueError("a name has a zero byte, which no database knows")
