"""What a dump holds, counted and hashed where it was taken, so that what is restored from it can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backup_actions.dump.connection import Family

DESCRIPTION_NAME = "dump.json"
FORMAT = "backup-actions/dump"
FORMAT_VERSION = 1

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
    notes: tuple[str, ...] = ()
    """What a reader should know: extensions that a target needs, accounts without a password, events that were on."""
    format: str = FORMAT
    format_version: int = FORMAT_VERSION
